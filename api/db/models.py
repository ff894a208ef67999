"""Every table, so that one import knows them all."""

from api.db.access import Access, ApiKey, Invitation, Person, SignIn, SignInFailure
from api.db.append_only import protect_models
from api.db.deprivation import PostcodeDeprivation
from api.db.exports import ExportChunk, ExportFile, KeptMeasures
from api.db.linkage import (
    BlockingKey,
    Claim,
    ClaimCount,
    EvidenceCount,
    Pair,
    Run,
    RunKind,
)
from api.db.outbox import FeedKey, Webhook, WebhookDelivery
from api.db.previews import PreviewRow
from api.db.records import (
    ACTIVITY,
    Contact,
    Episode,
    Ethnicity,
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
from api.db.retention import Erasure, Hold
from api.db.review import (
    KnownPair,
    QualitySample,
    Referral,
    ReviewAnswer,
    ReviewLease,
    ReviewSkip,
    SampledPair,
)
from api.db.search import CheckedRecord, SearchEntry
from api.db.sources import (
    Agreement,
    Extract,
    ExtractChunk,
    ExtractState,
    ModelFile,
    Reject,
    RuleSet,
    Source,
    SourceMapping,
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
    "CheckedRecord",
    "Child",
    "Claim",
    "ClaimCount",
    "Conflict",
    "Contact",
    "Correction",
    "Decision",
    "Episode",
    "Erasure",
    "Ethnicity",
    "Event",
    "EvidenceCount",
    "ExportChunk",
    "ExportFile",
    "Extract",
    "ExtractChunk",
    "ExtractState",
    "FeedKey",
    "FundedPlace",
    "Golden",
    "Hold",
    "Invitation",
    "Job",
    "JobState",
    "KeptMeasures",
    "KeptReply",
    "KnownPair",
    "MealPeriod",
    "Membership",
    "ModelFile",
    "Pair",
    "Person",
    "PostcodeDeprivation",
    "PreviewRow",
    "ProfileResult",
    "QualitySample",
    "Record",
    "RecordVersion",
    "Referral",
    "Reject",
    "ReviewAnswer",
    "ReviewLease",
    "ReviewSkip",
    "RuleSet",
    "Run",
    "RunKind",
    "SampledPair",
    "SearchEntry",
    "Severance",
    "Shield",
    "SignIn",
    "SignInFailure",
    "Source",
    "SourceMapping",
    "Succession",
    "Table",
    "Visit",
    "Webhook",
    "WebhookDelivery",
]

protect_models(Table.metadata)
