# SPDX-License-Identifier: Apache-2.0
"""Secrets, taken out of text before it leaves the process: by their look, and by what they are called.

What helps to find where they came from stays: `sk-ant-***`, `password=***`, `postgres://me:***@db`.
Every rule takes linear time whatever the text: repetitions are possessive or bounded, and nothing that can be
tried at many places reads far.
"""

from __future__ import annotations

import re
from functools import cache

from telemetry.text import printable

__all__ = ["MASK", "is_secret_key", "is_secret_number", "may_hold_secret", "redact", "rules"]

MASK = "***"

# Words that end the name of a secret: `db_password`, not `password_reset_url`. Of the weak ones numbers are
# none (a token may be counted), and prose has them too.
_STRONG = (
    r"(?:pass(?:word|wd|phrase|code)|secret|credential|(?:api|access|private|secret|account|signing|encryption)"
    r"[-_ ]?key)s?|authorization|[-_]pass"
)
_WEAK = r"token|jwt"
_SECRET_KEY = re.compile(rf"(?:{_STRONG}|{_WEAK}|pwd|cookie)[0-9]?\Z", re.IGNORECASE | re.ASCII)
_SECRET_NUMBER = re.compile(rf"(?:{_STRONG}|pwd)[0-9]?\Z", re.IGNORECASE | re.ASCII)

_PREFIXES = (
    r"sk-(?:ant-|proj-|svcacct-|admin-|or-|lf-)?|gsk_|xai-|pplx-|hf_|r8_"  # OpenAI, Anthropic and their kin
    r"|AIza|ya29\.|GOCSPX-|ABSK|dapi"  # Google, Bedrock, Databricks
    r"|gh[pousr]_|github_pat_|glpat-|npm_|pypi-|dckr_pat_"
    r"|xox[a-z]{1,2}-|xapp-|[sr]k_(?:live|test)_|whsec_|shp(?:at|ca|pa|ss)_|SG\."  # Slack, Stripe, ...
    r"|glsa_|glc_|NRAK-|hcaik_"  # Grafana, New Relic, Honeycomb
)
_START = r"(?<![A-Za-z0-9])"
_SCHEME = r"(?:(?:bearer|basic|digest|token|apikey|negotiate)[ \t]{1,4})?+"
_ASSIGNED = r"(?:=>|:=|=(?!=)|:(?!//))[ \t]{0,4}"
_QUOTE = r"(?:\\{0,8}[\"'])?+"
# What stands behind an opening quote goes up to the closing one, which stays; else up to what ends a word.
_BARE = r"(?:[^\s&;\"'<>\\]|\\(?![nrt\"'\\]))"
_VALUE = (
    r"(?:(?<=\\[\"'])[^\"'\\]++|(?<!\\)(?<=\")(?:[^\"\\]|\\.)++|(?<!\\)(?<=')(?:[^'\\]|\\.)++"
    rf"|(?<![\"']){_BARE}*(?![,)\]}}]){_BARE})"
)
_IS_NOTHING = r"(?!(?:true|false|null|none)(?![^\s,;&)\]}\"'\\]))"
_IS_NUMBER = r"(?![0-9.]{1,32}(?![^\s,;&)\]}\"'\\]))"

# Each finds one kind of secret; its first group is what stays.
_RULES = (
    # A private key: up to its end, or to the end of the text where it was cut.
    r"(-----BEGIN (?:[A-Z0-9 ]{0,40} )?PRIVATE KEY(?: BLOCK)?-----)(?:(?!-----END ).)++",
    # A JSON web token: header, claims, signature.
    r"(?<![\w-])(eyJ)[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+){0,3}+",
    # Keys of providers; all of them hold digits, and words with the same beginning mostly do not.
    rf"{_START}({_PREFIXES})(?=[A-Za-z_+/=-]{{0,64}}[0-9])[\w+/=-]{{16,}}+(?:\.[\w-]{{16,}}+)?+",
    rf"{_START}(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}(?![A-Za-z0-9])",  # AWS
    rf"{_START}(services/T)[A-Z0-9]{{6,16}}/B[A-Z0-9]{{6,16}}/[A-Za-z0-9]{{16,}}+",  # Slack's webhooks
    # A URL's password, up to the last @ before the path; and what is too long for a user's name.
    r"(://[^\s/?#@:\"'<>\\]{0,256}:)[^\s/?#\"'<>\\]{1,1024}(?=@)",
    r"(://)[^\s/?#@:\"'<>\\]{20,1024}(?=@)",
    # Signed URLs: what OpenTelemetry's conventions name for `url.full`, and AWS's newer names.
    r"(?i)([?&](?:AWSAccessKeyId|(?:X-(?:Amz|Goog)-)?Signature|X-(?:Amz|Goog)-Credential|sig)=)"
    r"[^\s&#\"'<>\\]++",
    # Values of `Authorization`; a short word of letters is prose ("basic authentication"), not one of these.
    rf"{_START}((?:[Bb]earer|BEARER|[Bb]asic|BASIC)[ \t]{{1,4}})"
    r"(?![A-Z]?[a-z_-]{0,19}(?:=[^=]|[.,:;!?]?(?![\w.~+/=-])))[\w.~+/=-]{6,}+",
    r"(?i)(cookie[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?)[^\s\"'\\][^\r\n\"'\\]*+",
    # `key=value`, `key: value`, members of JSON (also of JSON within text), Python's dicts and arguments.
    rf"(?i)((?:{_STRONG})[0-9]?{_QUOTE}[ \t]{{0,4}}{_ASSIGNED}{_QUOTE}{_SCHEME}){_IS_NOTHING}{_VALUE}",
    rf"(?i)(pwd{_QUOTE}[ \t]{{0,4}}{_ASSIGNED}{_QUOTE})(?!/){_IS_NOTHING}{_VALUE}",
    rf"(?i)((?:{_WEAK})(?:\\{{0,8}}[\"'][ \t]{{0,4}}{_ASSIGNED}|[ \t]{{0,4}}(?:=>|:=|=(?!=))[ \t]{{0,4}})"
    rf"{_QUOTE}{_SCHEME}){_IS_NOTHING}{_IS_NUMBER}{_VALUE}",
    # In prose, `token: ` is followed by all sorts of things; what is long and has digits is a secret.
    rf"(?i)((?:{_WEAK}):[ \t]{{0,4}}{_QUOTE}{_SCHEME}){_IS_NUMBER}"
    rf"(?=[\w.~+/=-]{{8}})(?=[A-Za-z_.~+/=-]{{0,64}}[0-9]){_VALUE}",
)

# How secrets that have a shape begin, and that no letter or digit stands before them. One search that is
# tried only where words begin costs a fifth of one for the list of prefixes.
_SHAPE = re.compile(
    r"[^A-Za-z0-9](?:s(?:k[-_]|ervices/T|hp)|SG\.|g(?:h[pousr]_|ithub_pat_|lpat-|lsa_|lc_|sk_)|GOCSPX-"
    r"|A(?:Iza|KIA|SIA|BIA|CCA|BSK)|eyJ|x(?:ox|app-|ai-)|PRIVATE KEY|p(?:ypi-|plx-)"
    r"|[Bb](?:earer|asic)|B(?:EARER|ASIC)|h(?:f_|caik_)|r(?:8_|k_)|npm_|NRAK-|d(?:api|ckr_pat_)|ya29\.|whsec_)"
)


@cache
def rules() -> tuple[re.Pattern[str], ...]:
    """Gives the rules. Compiling them takes some milliseconds, which start-up does not pay for."""
    return tuple(re.compile(rule, re.ASCII | re.DOTALL) for rule in _RULES)


def may_hold_secret(text: str) -> bool:
    """Tells whether text can hold a secret: True for all that `redact` changes, else mostly False.

    Args:
        text: May be several texts, one per line.
    """
    if ":" in text or "=" in text:
        low = text.lower()
        if (
            "key" in low
            or "pass" in low
            or "secret" in low
            or "token" in low
            or "@" in low
            or "authorization" in low
            or "credential" in low
            or "cookie" in low
            or "sig" in low
            or "pwd" in low
            or "jwt" in low
        ):
            return True
    return _SHAPE.search("\n" + text) is not None


def redact(text: str) -> str:
    """Masks the secrets in a text; what is exported has been through it. Thread-safe; never raises.

    Known are credentials by their look (keys of providers, web tokens, private keys, passwords in URLs) and
    what is called a password, secret, token, API key, authorization or the like, before `=` or `:`.

    Args:
        text: Any text; anything else is taken for the text that it has.

    Returns:
        The same object where there are none.
    """
    if type(text) is not str:
        text = printable(text)
    if not may_hold_secret(text):
        return text
    cleaned = text
    for rule in rules():
        cleaned = rule.sub(rf"\g<1>{MASK}", cleaned)
    return cleaned if cleaned != text else text


def is_secret_key(key: str) -> bool:
    """Tells whether an attribute, header or variable of this name holds a secret.

    Args:
        key: Its name.
    """
    return _SECRET_KEY.search(key) is not None


def is_secret_number(key: str) -> bool:
    """Tells whether even a number is a secret under this name: a password is, a token's number is not.

    Args:
        key: The name of an attribute, header or variable.
    """
    return _SECRET_NUMBER.search(key) is not None
