"""What can go wrong with people, teams and members."""

from press_app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized


class TeamUnknown(NotFound):
    """No such team, as far as the caller may know."""

    code = "team_unknown"


class MemberUnknown(NotFound):
    """The user is not in the team."""

    code = "member_unknown"


class EmailTaken(Conflict):
    """Another user has this e-mail address."""

    code = "email_taken"


class EmailInvalid(Invalid):
    """The text is no e-mail address."""

    code = "email_invalid"


class PasswordWeak(Invalid):
    """The password would be guessed."""

    code = "password_weak"


class MemberExists(Conflict):
    """The user is in the team already."""

    code = "member_exists"


class LastOwner(Conflict):
    """A team keeps at least one owner."""

    code = "last_owner"


class OwnersOnly(Forbidden):
    """Only owners make, change and remove owners."""

    code = "owners_only"


class PasswordWrong(Unauthorized):
    """E-mail and password do not belong together; which of the two is wrong is not told."""

    code = "sign_in_refused"
