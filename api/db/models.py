"""Every table, so that one import knows them all."""

from api.db.access import Access, ApiKey, Invitation, Person, SignIn, SignInFailure
from api.db.append_only import protect_models
from api.db.linkage import (
    BlockingKey,
    Claim,
    ClaimCount,
    EvidenceCount,
    Pair,
    Run,
)
from api.db.records import (
    ACTIVITY,
    Contact,
    Episode,
    FundedPlace,
    MealPeriod,
    ProfileResult,
    Record,
    RecordVersion,
    Visit,
)
from api.db.register import (
    Child,
    Conflict,
    Correction,
    Decision,
    Event,
    Golden,
    Membership,
    Severance,
    Shield,
    Succession,
)
from api.db.replies import KeptReply
from api.db.sources import (
    Agreement,
    Extract,
    ExtractChunk,
    ExtractState,
    ModelFile,
    Reject,
    RuleSet,
    Source,
)
from api.db.tables import Table
from api.db.work import Audit, Job, JobState

__all__ = [
    "ACTIVITY",
    "Access",
    "Agreement",
    "ApiKey",
    "Audit",
    "BlockingKey",
    "Child",
    "Claim",
    "ClaimCount",
    "Conflict",
    "Contact",
    "Correction",
    "Decision",
    "Episode",
    "Event",
    "EvidenceCount",
    "Extract",
    "ExtractChunk",
    "ExtractState",
    "FundedPlace",
    "Golden",
    "Invitation",
    "Job",
    "JobState",
    "KeptReply",
    "MealPeriod",
    "Membership",
    "ModelFile",
    "Pair",
    "Person",
    "ProfileResult",
    "Record",
    "RecordVersion",
    "Reject",
    "RuleSet",
    "Run",
    "Severance",
    "Shield",
    "SignIn",
    "SignInFailure",
    "Source",
    "Succession",
    "Table",
    "Visit",
]

protect_models(Table.metadata)
