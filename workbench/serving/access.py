"""Who may come in: links that are signed, that expire, and that can be taken back.

A link holds the name of a `grant` event and a signature, and nothing else. For whom it is, as
what, and until when stands in the journal, so that every server of a study agrees.
"""

import datetime
import hashlib
import hmac
import re
import uuid
from typing import Literal, NamedTuple, cast, get_args

from itsdangerous import BadSignature, Signer

from workbench.errors import BadValue
from workbench.ratings.events import Draft, Event
from workbench.ratings.replay import utc
from workbench.ratings.sessions import Study

Role = Literal["rater", "adjudicator", "admin"]
"""As what somebody comes in."""

Use = Literal["link", "cookie"]
"""What a signature is for: what signs the one must not pass as the other."""

_TOKEN = re.compile(r"[0-9a-f-]{1,40}\.[A-Za-z0-9_-]{1,100}", re.ASCII)


class NotAdmitted(BadValue):
    """A link or cookie that lets nobody in; what it says may be shown to whoever brought it."""


class Grant(NamedTuple):
    """Leave to come in: its name, for whom, as what, and until when."""

    op_id: str
    rater: str
    role: Role
    until: str


class Access:
    """Gives leave to come in, checks it, and takes it back.

    Parameters
    ----------
    study : Study
        Whose journal the grants stand in.
    key : str
        What signs the links.
    """

    def __init__(self, study: Study, key: str) -> None:
        self.study = study
        self._key = key

    def give(self, role: Role, rater: str, lasts: datetime.timedelta) -> Grant:
        """Give leave; one that stands for at least half of the time is returned as it is.

        Parameters
        ----------
        role : {"rater", "adjudicator", "admin"}
            As what.
        rater : str
            To whom; may be empty for an administrator.
        lasts : timedelta
            For how long.
        """
        return self.give_all(role, [rater], lasts)[0]

    def give_all(self, role: Role, raters: list[str], lasts: datetime.timedelta) -> list[Grant]:
        """Give leave to several, all or none; see `give`."""
        now = self.study.now()
        until = utc(now + lasts)
        standing = {
            grant.rater: grant
            for grant in self._standing()
            if grant.role == role and grant.until >= utc(now + lasts / 2)
        }
        fresh = {
            rater: Grant(str(uuid.uuid4()), rater, role, until)
            for rater in raters
            if rater not in standing
        }
        drafts = [
            Draft(each.op_id, "grant", {"role": role, "until": until}, rater)
            for rater, each in fresh.items()
        ]
        self.study.journal.append(drafts)
        self.study.refresh()
        return [standing.get(rater) or fresh[rater] for rater in raters]

    def take_back(self, rater: str) -> int:
        """Take back all leave of a rater, and return how many links that ends."""
        ended = sum(grant.rater == rater for grant in self._standing())
        self.study.journal.append([Draft(str(uuid.uuid4()), "revoke", {}, rater)])
        self.study.refresh()
        return ended

    def token(self, grant: Grant, use: Use) -> str:
        """Return what goes into a link or a cookie."""
        return self._signer(use).sign(grant.op_id).decode("ascii")

    def name_in(self, token: str, use: Use) -> str:
        """Return the name of the leave that a token was signed for, whether or not it stands.

        Parameters
        ----------
        token : str
            What came.
        use : {"link", "cookie"}
            As what it came.

        Raises
        ------
        NotAdmitted
            If it is not ours.
        """
        if not _TOKEN.fullmatch(token):
            raise NotAdmitted("This link is not complete; open it again as it was sent to you.")
        try:
            return self._signer(use).unsign(token).decode("ascii")
        except BadSignature:
            raise NotAdmitted(
                "This link is not one of ours; open it again as it was sent to you."
            ) from None

    def knows(self, op_id: str) -> bool:
        """Tell whether a leave is in the study as far as it was read."""
        return op_id in self.study.state.grants

    def check(self, op_id: str) -> Grant:
        """Return a leave that still stands.

        Raises
        ------
        NotAdmitted
            If it has expired or was taken back.
        """
        event = self.study.state.grants.get(op_id)
        grant = read(event) if event else None
        if grant is None:
            raise NotAdmitted("This link was taken back; ask for another one.")
        if grant.until <= utc(self.study.now()):
            raise NotAdmitted("This link has expired; ask for another one.")
        return grant

    def seconds_left(self, grant: Grant) -> int:
        """Return for how long a leave still holds."""
        until = datetime.datetime.fromisoformat(grant.until)
        return max(0, int((until - self.study.now()).total_seconds()))

    def who(self, grant: Grant) -> str:
        """Return a name that says nothing, the same for all links of one person."""
        said = f"{self.study.journal.store_id}/{grant.role}/{grant.rater}"
        return hmac.new(self._key.encode(), said.encode(), hashlib.sha256).hexdigest()[:24]

    def _standing(self) -> list[Grant]:
        with self.study.lock:
            found = [read(event) for event in self.study.state.grants.values()]
        now = utc(self.study.now())
        return [grant for grant in found if grant and grant.until > now]

    def _signer(self, use: Use) -> Signer:
        salt = f"workbench/{self.study.journal.store_id}/{use}"
        return Signer(self._key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)


def read(event: Event) -> Grant | None:
    """Return the leave that an event gives; None if it gives none that we know."""
    role, until = event.body.get("role"), event.body.get("until")
    if role not in get_args(Role) or not isinstance(until, str):
        return None
    return Grant(event.op_id, event.rater, cast("Role", role), until)
