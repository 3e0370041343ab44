# SPDX-License-Identifier: Apache-2.0
"""The classifier: finds the rule of an exception's type once, then remembers it."""

from __future__ import annotations

import threading
from typing import Any, Final

from telemetry.classification.cancellation import leaves
from telemetry.classification.reading import chained, lineage, text
from telemetry.classification.rules import built_in_rule
from telemetry.classification.verdict import (
    UNKNOWN,
    ByCause,
    ByMembers,
    Classification,
    Rule,
    Verdict,
    natural_component,
)
from telemetry.errors import ErrorCode

__all__ = ["Classifier"]

MAX_TYPES: Final = 4096
MAX_COMPONENTS: Final = 64
MAX_DEPTH: Final = 32


class Classifier:
    """Turns exceptions into (code, component, recoverable).

    Built-in rules know the libraries of the contract by module and type name, without importing
    them; `register` adds the application's own types. Of all classes in an exception's method
    resolution order the most specific one that is registered or built in decides; for one class
    a registration beats the built-in rule. A type that nobody knows is classified by the
    exception behind it (`__cause__`, else `__context__`), and counts as `internal_error` when
    there is none.

    Thread-safe: classifying takes no lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = _State({})

    def register(self, exception_type: type[BaseException], code: ErrorCode | str, recoverable: bool) -> None:
        """Teaches the classifier an exception type of the application, subclasses included.

        Registering a type again replaces what was said before.

        Args:
            exception_type: The class.
            code: One of the nine codes, as `ErrorCode` or its lower-case value.
            recoverable: Whether another attempt may succeed.

        Raises:
            TypeError: `exception_type` is no exception class, or `recoverable` is no bool.
            ValueError: `code` is none of the nine.
        """
        if not issubclass(type(exception_type), type) or not issubclass(exception_type, BaseException):
            raise TypeError(
                f"exception_type: {exception_type!r} is not an exception class; allowed: a subclass of "
                "BaseException. Pass the class itself, such as MyError, not an instance or its name."
            )
        if type(recoverable) is not bool:
            raise TypeError(f"recoverable: {recoverable!r} is not a bool; allowed: True, False.")
        try:
            known = ErrorCode(code)
        except ValueError:
            raise ValueError(
                f"code: {code!r} is not an error code; allowed: {', '.join(ErrorCode)}. "
                "Use a member of ErrorCode."
            ) from None
        with self._lock:
            self._state = _State({**self._state.registered, exception_type: (known, recoverable)})

    def reset_lock(self) -> None:
        """Replaces the lock in a forked child, where a thread that is not there may hold the old one."""
        self._lock = threading.Lock()

    def classify(self, err: object, component: str | None = None) -> Classification:
        """Classifies an exception; never raises, whatever it is given.

        Args:
            err: The exception. Anything else counts as `internal_error`.
            component: The part of the agent that failed, where the caller knows it. It also
                decides what a generic client's failed dependency is: `llm_error` for `llm` and
                `model`, `memory_error` for `memory`, else `tool_failure`. Default: the component
                that the exception's library belongs to.
        """
        try:
            known = self._state.fixed.get(type(err))
            if known is not None:
                found = known.get(component)
                if found is not None:
                    return found
            return self._classify(err, text(component))
        except Exception:  # noqa: BLE001 - classifying somebody's broken exception must not hide it
            return UNKNOWN.named(text(component))

    def classify_name(
        self,
        name: str | None,
        message: str | None = None,
        status: int | None = None,
        component: str | None = None,
    ) -> Classification:
        """Classifies an exception of which only this is known, as a span of somebody else's tells it.

        The class is looked up among the modules that are loaded, so that registrations count; nothing
        is imported. Never raises.

        Args:
            name: Name of the class, best with its module, or another value of `error.type`.
            message: The message.
            status: The HTTP status that came with it.
            component: As in `classify`.
        """
        from telemetry.classification.by_name import verdict_on_name

        try:
            return verdict_on_name(name, message, status, self._state.rule).named(text(component))
        except Exception:  # noqa: BLE001 - a stranger's rule or metaclass must not hide the error
            return UNKNOWN.named(text(component))

    def fixed(self, cls: type) -> Classification | None:
        """What every exception of a type is classified as, in its natural component.

        None when that depends on the instance: on its status, its cause, its members. Also None
        for cancellations, which are no errors. A caller may keep the answer until `register`.
        """
        try:
            state = self._state
            known = state.fixed.get(cls)
            if known is not None and None in known:
                return known[None]
            rule = state.rule(cls)
            return state.remember(cls, None, rule) if isinstance(rule, Verdict) else None
        except Exception:  # noqa: BLE001 - a metaclass may make its classes unhashable
            return None

    def _classify(self, err: object, component: str | None) -> Classification:
        state = self._state
        rule = state.rule(type(err))
        if isinstance(rule, Verdict):
            return state.remember(type(err), component, rule)
        if rule is None and chained(err) is None:
            # `object` can neither be registered nor built in: it stands for what nobody knows.
            return state.remember(object, component, UNKNOWN)
        return (_Look(state).at(err, 0) or UNKNOWN).named(component)


class _State:
    """The registrations and everything that was derived from them.

    Registering replaces the whole, so a thread that is resolving a type by the old registrations
    stores its result where nobody looks any more.
    """

    __slots__ = ("fixed", "registered", "rules")

    def __init__(self, registered: dict[type, tuple[ErrorCode, bool]]) -> None:
        self.registered = registered
        self.rules: dict[type, Rule | None] = {}
        self.fixed: dict[type, dict[str | None, Classification]] = {}

    def rule(self, cls: type) -> Rule | None:
        """The rule for a type; None when nobody knows it."""
        try:
            return self.rules[cls]
        except KeyError:
            pass
        rule = self._resolve(cls)
        if len(self.rules) >= MAX_TYPES:  # types made on the fly: remembering them all is a leak
            self.rules.clear()
            self.fixed.clear()
        self.rules[cls] = rule
        return rule

    def remember(self, cls: type, component: str | None, verdict: Verdict) -> Classification:
        """Names a fixed verdict for a component, once."""
        known = self.fixed.setdefault(cls, {})
        found = known.get(component)
        if found is None:
            found = verdict.named(component)
            if len(known) < MAX_COMPONENTS:
                known[component] = found
        return found

    def _resolve(self, cls: type) -> Rule | None:
        for base, module, name in lineage(cls):
            registered = self.registered.get(base)
            if registered is not None:
                code, recoverable = registered
                return Verdict(code, natural_component(code), recoverable)
            rule = built_in_rule(module, name)
            if rule is not None:
                return rule
        return None


class _Look:
    """One look at an exception, its causes and its members."""

    __slots__ = ("_groups", "_state")

    def __init__(self, state: _State) -> None:
        self._state = state
        # Groups may be shared and may even hold what they caused: each is looked at once.
        self._groups: dict[int, Verdict | None] = {}

    def at(self, err: Any, depth: int) -> Verdict | None:
        """The verdict on an exception; None when nobody in its chain is known."""
        while depth < MAX_DEPTH:
            found = self._decide(err, depth)
            if found is not None:
                return found
            err = chained(err)
            if err is None:
                return None
            depth += 1
        return None

    def _decide(self, err: Any, depth: int) -> Verdict | None:
        rule = self._state.rule(type(err))
        if rule is None or isinstance(rule, Verdict):
            return rule
        if isinstance(rule, ByMembers):
            return self._of_group(err, depth)
        said = rule if isinstance(rule, ByCause) else rule(err)
        if not isinstance(said, ByCause):
            return said
        cause = chained(err)
        behind = None if cause is None else self.at(cause, depth + 1)
        if behind is None or not behind.recoverable:
            return said.verdict
        return said.verdict._replace(recoverable=True)

    def _of_group(self, group: Any, depth: int) -> Verdict | None:
        """The first member that another attempt cannot make good; else the first."""
        if id(group) in self._groups:
            return self._groups[id(group)]
        self._groups[id(group)] = None
        found: Verdict | None = None
        for leaf in leaves(group):
            verdict = self.at(leaf, depth + 1) or UNKNOWN
            found = found or verdict
            if not verdict.recoverable:
                found = verdict
                break
        self._groups[id(group)] = found
        return found
