"""Sessions of roles: who an access key is, until when, and with which tags.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree

from infra.local.iam.policies import Policy, Request, policy

MOST_SESSIONS = 20_000  # a laptop's; expired ones are dropped first
MOST_TAGS = 50
_TAG = re.compile(r"[\w\s.:/=+\-@]*")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_KEYS = re.compile(r"aws:(requesttag/.+|tagkeys|principaltag/.+|principalarn|principalaccount)")
DURATION = range(900, 43_201)  # seconds


class InvalidSessionError(ValueError):
    """An AssumeRole request that STS refuses."""


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials.

    Attributes:
        role_arn: The role that was assumed.
        name: Of the session.
        token: The session token that every request must carry.
        expires: Seconds since 1970.
        tags: Session tags; in policies `aws:PrincipalTag/{key}`.
        policy: A session policy that narrows the role, if one was passed.
    """

    role_arn: str
    name: str
    token: str
    expires: float
    tags: Mapping[str, str]
    policy: Policy | None

    @property
    def arn(self) -> str:
        """The caller as error messages name it."""
        account, role = self.role_arn.split(":")[4], self.role_arn.rsplit("/", 1)[-1]
        return f"arn:aws:sts::{account}:assumed-role/{role}/{self.name}"

    def context(self) -> dict[str, str]:
        """The condition keys of the principal."""
        return {
            "aws:principalarn": self.role_arn,
            "aws:principalaccount": self.role_arn.split(":")[4],
            **{f"aws:principaltag/{key.lower()}": value for key, value in self.tags.items()},
        }


def known(key: str) -> bool:
    """Whether a condition key of a principal, or of an STS request, is computed here."""
    return _KEYS.fullmatch(key) is not None or key in {"sts:rolesessionname", "sts:externalid"}


@dataclass(frozen=True, slots=True)
class Assumption:
    """An AssumeRole request, checked as STS checks it.

    Raises:
        InvalidSessionError: STS would refuse it.
    """

    role_arn: str
    name: str
    tags: Mapping[str, str]
    policy: Policy | None

    @classmethod
    def read(cls, form: Mapping[str, str]) -> Assumption:
        """From the request's parameters."""
        name = form.get("RoleSessionName", "")
        if not _SESSION_NAME.fullmatch(name):
            raise InvalidSessionError(f"RoleSessionName {name!r}: use 2 to 64 of letters, digits, _+=,.@-")
        if int(form.get("DurationSeconds", 3600)) not in DURATION:
            raise InvalidSessionError(f"DurationSeconds {form['DurationSeconds']}: use 900 to 43200")
        if any(field.startswith(("TransitiveTagKeys", "PolicyArns")) for field in form):
            raise InvalidSessionError(
                "TransitiveTagKeys and PolicyArns are not understood by infra/local/iam"
            )
        document = form.get("Policy")
        return cls(form.get("RoleArn", ""), name, _tags(form), policy(document) if document else None)

    def requests(self) -> list[Request]:
        """What the caller must be allowed: to assume the role, and to tag the session if it does."""
        context: dict[str, str | tuple[str, ...]] = {
            "sts:rolesessionname": self.name,
            **{f"aws:requesttag/{key.lower()}": value for key, value in self.tags.items()},
        }
        if self.tags:
            context["aws:tagkeys"] = tuple(self.tags)
        actions = ["sts:AssumeRole", *(["sts:TagSession"] if self.tags else [])]
        return [Request(action, self.role_arn, context, known) for action in actions]

    def session(self, response: bytes) -> tuple[str, Session]:
        """Access key and session from STS's answer."""
        found = {
            element.tag.rsplit("}", 1)[-1]: element.text or ""
            for element in ElementTree.fromstring(response).iter()  # noqa: S314 - the store's own answer
        }
        expires = datetime.fromisoformat(found["Expiration"].replace("Z", "+00:00")).timestamp()
        session = Session(self.role_arn, self.name, found["SessionToken"], expires, self.tags, self.policy)
        return found["AccessKeyId"], session


def _tags(form: Mapping[str, str]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for field, key in form.items():
        if not re.fullmatch(r"Tags\.member\.\d+\.Key", field):
            continue
        value = form.get(field.removesuffix("Key") + "Value", "")
        # A tag that STS takes cannot hold `*` or `?`: half of what keeps a tag from being a pattern.
        if not (_TAG.fullmatch(key) and 1 <= len(key) <= 128 and _TAG.fullmatch(value) and len(value) <= 256):
            raise InvalidSessionError(
                f"tag {key!r}={value!r:.300}: letters, digits, spaces and _.:/=+-@ only"
            )
        if key.lower() in map(str.lower, tags):
            raise InvalidSessionError(f"tag {key!r} stands twice")
        tags[key] = value
    if len(tags) > MOST_TAGS:
        raise InvalidSessionError(f"{len(tags)} session tags: STS takes {MOST_TAGS}")
    return tags


class Sessions:
    """All sessions, by access key."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def add(self, access_key: str, session: Session, now: float) -> None:
        """Remembers a session; forgets expired ones, then the oldest, when there are too many."""
        if len(self._sessions) >= MOST_SESSIONS:
            live = {key: each for key, each in self._sessions.items() if each.expires > now}
            self._sessions = dict(list(live.items())[-MOST_SESSIONS + 1 :])
        self._sessions[access_key] = session

    def get(self, access_key: str) -> Session | None:
        """The session of an access key; None where there is none."""
        return self._sessions.get(access_key)
