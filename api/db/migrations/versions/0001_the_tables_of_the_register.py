"""The tables of the register."""

import sqlalchemy as sa
from alembic import op

from api.db.append_only import KeepAppendOnly, LetRowsChange

revision: str = "0001_d73271"
down_revision: str | None = None


def upgrade() -> None:
    """Go to this state of the tables."""
    op.create_table(
        "access",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("purpose", sa.String(length=64), nullable=True),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("about", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("status", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access")),
        info={"aside": True, "append_only": True},
    )
    with op.batch_alter_table("access", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_by_at"), ["by", "at"], unique=False)

    op.create_table(
        "api_key",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=64), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("purposes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("sources", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("unattended", sa.Boolean(), nullable=False),
        sa.Column(
            "per_minute", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "replaced_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["api_key.id"], name=op.f("fk_api_key_replaced_by_api_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_name"), ["name"], unique=False)

    op.create_table(
        "audit",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        info={"append_only": True},
    )
    op.create_table(
        "blocking_key",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "record",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("key", "record", name=op.f("pk_blocking_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "claim",
        sa.Column(
            "kind",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("what", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("records", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "what", name=op.f("pk_claim")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "claim_count",
        sa.Column(
            "kind",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("of", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("children", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "of", name=op.f("pk_claim_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "evidence_count",
        sa.Column(
            "group",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "bin",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("pairs", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("group", "bin", name=op.f("pk_evidence_count")),
    )
    op.create_table(
        "feed_key",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_key")),
    )
    op.create_table(
        "job",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("faults", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("losses", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=True),
        sa.Column("done", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("total", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "seconds_left", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_state_id"), ["state", "id"], unique=False)

    op.create_table(
        "kept_reply",
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("about", sa.JSON(), nullable=True),
        sa.Column("told", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("by", "key", name=op.f("pk_kept_reply")),
    )
    with op.batch_alter_table("kept_reply", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_reply_at"), ["at"], unique=False)

    op.create_table(
        "model_file",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_model_file")),
    )
    op.create_table(
        "pair",
        sa.Column(
            "l",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "r",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("group", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pattern", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Double(), nullable=False),
        sa.Column("apart", sa.SmallInteger(), nullable=False),
        sa.Column("company", sa.Double(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("link", sa.SmallInteger(), nullable=False),
        sa.Column("waiting", sa.SmallInteger(), nullable=False),
        sa.Column("rival", sa.SmallInteger(), nullable=False),
        sa.Column("open", sa.SmallInteger(), nullable=False),
        sa.Column("turn", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("l", "r", name=op.f("pk_pair")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.create_index(
            "ix_pair_group_set",
            ["l"],
            unique=False,
            sqlite_where=sa.text('"group" > 0'),
            postgresql_where=sa.text('"group" > 0'),
        )
        batch_op.create_index(
            "ix_pair_open_set",
            ["l"],
            unique=False,
            sqlite_where=sa.text("open = 1"),
            postgresql_where=sa.text("open = 1"),
        )
        batch_op.create_index(
            batch_op.f("ix_pair_r_evidence_company_group_apart"),
            ["r", "evidence", "company", "group", "apart"],
            unique=False,
        )
        batch_op.create_index(
            "ix_pair_waiting_set",
            ["turn", "l", "r", "waiting"],
            unique=False,
            sqlite_where=sa.text("waiting = 1"),
            postgresql_where=sa.text("waiting = 1"),
        )

    op.create_table(
        "person",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("roles", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("purposes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_person_issuer_subject")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
    )
    op.create_table(
        "postcode_deprivation",
        sa.Column("postcode", sa.String(length=64), nullable=False),
        sa.Column("decile", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("postcode", name=op.f("pk_postcode_deprivation")),
    )
    op.create_table(
        "review_lease",
        sa.Column(
            "low",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "high",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("known", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("etag", sa.String(length=64), nullable=False),
        sa.Column("revealed", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("low", "high", name=op.f("pk_review_lease")),
        info={"aside": True},
    )
    with op.batch_alter_table("review_lease", schema=None) as batch_op:
        batch_op.create_index(
            "ix_review_lease_in_hand",
            ["by"],
            unique=True,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.create_table(
        "review_skip",
        sa.Column(
            "low",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "high",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("low", "high", "by", name=op.f("pk_review_skip")),
        info={"aside": True},
    )
    with op.batch_alter_table("review_skip", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_skip_by"), ["by"], unique=False)

    op.create_table(
        "rule_set",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_rule_set")),
    )
    op.create_table(
        "sign_in",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in")),
        info={"aside": True},
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_person"), ["person"], unique=False)

    op.create_table(
        "sign_in_failure",
        sa.Column("name_hash", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name_hash", name=op.f("pk_sign_in_failure")),
        info={"aside": True},
    )
    op.create_table(
        "source",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("one_record_per_child", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_source")),
        sa.UniqueConstraint("name", name=op.f("uq_source_name")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("webhook", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "after_event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "until_event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        info={"aside": True},
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_webhook_delivery_webhook_state"), ["webhook", "state"], unique=False
        )

    op.create_table(
        "agreement",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("source", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lawful_basis", sa.Text(), nullable=False),
        sa.Column("purposes", sa.JSON(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source"], ["source.number"], name=op.f("fk_agreement_source_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
    )
    op.create_table(
        "invitation",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("roles", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("purposes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person"], ["person.id"], name=op.f("fk_invitation_person_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_person"), ["person"], unique=False)

    op.create_table(
        "run",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("population", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"], ["model_file.hash"], name=op.f("fk_run_model_model_file")
        ),
        sa.ForeignKeyConstraint(["rules"], ["rule_set.hash"], name=op.f("fk_run_rules_rule_set")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_table(
        "source_mapping",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("source", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("within", sa.String(length=64), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["source"], ["source.number"], name=op.f("fk_source_mapping_source_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_mapping")),
        info={"append_only": True},
    )
    with op.batch_alter_table("source_mapping", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_source_mapping_source"), ["source"], unique=False)

    op.create_table(
        "webhook",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column(
            "after_event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["api_key.id"], name=op.f("fk_webhook_key_api_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "child",
        sa.Column("id", sa.String(length=13), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_child_from_run_run")),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_child_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_child")),
    )
    op.create_table(
        "erasure",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("records", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keys_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_erasure_run_run")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_erasure")),
    )
    op.create_table(
        "export_file",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("job", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rows", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["as_of"], ["run.id"], name=op.f("fk_export_file_as_of_run")),
        sa.ForeignKeyConstraint(["job"], ["job.id"], name=op.f("fk_export_file_job_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_file")),
    )
    with op.batch_alter_table("export_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_export_file_created_at"), ["created_at"], unique=False)

    op.create_table(
        "extract",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("source", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("file_kind", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("withdrawal", sa.Text(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("held_on", sa.Date(), nullable=True),
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "undone_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("job", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("mapping", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["job"], ["job.id"], name=op.f("fk_extract_job_job")),
        sa.ForeignKeyConstraint(
            ["mapping"], ["source_mapping.id"], name=op.f("fk_extract_mapping_source_mapping")
        ),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_extract_run_run")),
        sa.ForeignKeyConstraint(
            ["source"], ["source.number"], name=op.f("fk_extract_source_source")
        ),
        sa.ForeignKeyConstraint(["undone_run"], ["run.id"], name=op.f("fk_extract_undone_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extract")),
    )
    with op.batch_alter_table("extract", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_extract_source_state"), ["source", "state"], unique=False
        )

    op.create_table(
        "kept_measures",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rules", sa.String(length=64), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_kept_measures_run_run")),
        sa.PrimaryKeyConstraint("run", "rules", name=op.f("pk_kept_measures")),
    )
    op.create_table(
        "preview",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("job", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "commit_job", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "after_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("files", sa.JSON(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("lower", sa.Double(), nullable=True),
        sa.Column("upper", sa.Double(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.JSON(), nullable=True),
        sa.Column("mark", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["after_run"], ["run.id"], name=op.f("fk_preview_after_run_run")),
        sa.ForeignKeyConstraint(["commit_job"], ["job.id"], name=op.f("fk_preview_commit_job_job")),
        sa.ForeignKeyConstraint(["job"], ["job.id"], name=op.f("fk_preview_job_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preview")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "quality_sample",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("lower", sa.Double(), nullable=False),
        sa.Column("upper", sa.Double(), nullable=False),
        sa.Column("strata", sa.JSON(), nullable=False),
        sa.Column("decided", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "after_decision", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_quality_sample_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_sample")),
    )
    op.create_table(
        "record",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("source", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column(
            "erased_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(["erased_run"], ["run.id"], name=op.f("fk_record_erased_run_run")),
        sa.ForeignKeyConstraint(
            ["source"], ["source.number"], name=op.f("fk_record_source_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sa.UniqueConstraint("source", "record_id", name=op.f("uq_record_source_record_id")),
    )
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_index(
            "ix_record_erased_run",
            ["erased_run"],
            unique=False,
            sqlite_where=sa.text("erased_run IS NOT NULL"),
            postgresql_where=sa.text("erased_run IS NOT NULL"),
        )

    op.create_table(
        "caf_episode",
        sa.Column("episode_id", sa.Text(), nullable=True),
        sa.Column("start", sa.Date(), nullable=True),
        sa.Column("end", sa.Date(), nullable=True),
        sa.Column("start_reason", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_caf_episode_extract_extract")
        ),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_caf_episode_from_run_run")),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_caf_episode_record_record")
        ),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_caf_episode_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caf_episode")),
    )
    with op.batch_alter_table("caf_episode", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_caf_episode_record"), ["record"], unique=False)

    op.create_table(
        "checked_record",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(length=64), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_checked_record_record_record")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checked_record")),
    )
    with op.batch_alter_table("checked_record", schema=None) as batch_op:
        batch_op.create_index(
            "ix_checked_record_now",
            ["record"],
            unique=True,
            sqlite_where=sa.text("undone_at IS NULL"),
            postgresql_where=sa.text("undone_at IS NULL"),
        )

    op.create_table(
        "conflict",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("record_l", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_r", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_conflict_from_run_run")),
        sa.ForeignKeyConstraint(
            ["record_l"], ["record.id"], name=op.f("fk_conflict_record_l_record")
        ),
        sa.ForeignKeyConstraint(
            ["record_r"], ["record.id"], name=op.f("fk_conflict_record_r_record")
        ),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_conflict_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict")),
    )
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conflict_record_l"), ["record_l"], unique=False)
        batch_op.create_index(batch_op.f("ix_conflict_record_r"), ["record_r"], unique=False)

    op.create_table(
        "contact",
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("centre", sa.Text(), nullable=True),
        sa.Column("activity", sa.Text(), nullable=True),
        sa.Column("attended", sa.Boolean(), nullable=True),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_contact_extract_extract")
        ),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_contact_from_run_run")),
        sa.ForeignKeyConstraint(["record"], ["record.id"], name=op.f("fk_contact_record_record")),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_contact_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_record"), ["record"], unique=False)

    op.create_table(
        "correction",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(length=64), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_why", sa.Text(), nullable=True),
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_correction_record_record")
        ),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_correction_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_correction_record"), ["record"], unique=False)
        batch_op.create_index(batch_op.f("ix_correction_run"), ["run"], unique=False)

    op.create_table(
        "decision",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("record_l", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_r", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("values_l", sa.JSON(), nullable=False),
        sa.Column("values_r", sa.JSON(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undoes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("change", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("stale_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["change"], ["decision.id"], name=op.f("fk_decision_change_decision")
        ),
        sa.ForeignKeyConstraint(
            ["record_l"], ["record.id"], name=op.f("fk_decision_record_l_record")
        ),
        sa.ForeignKeyConstraint(
            ["record_r"], ["record.id"], name=op.f("fk_decision_record_r_record")
        ),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_decision_run_run")),
        sa.ForeignKeyConstraint(["stale_run"], ["run.id"], name=op.f("fk_decision_stale_run_run")),
        sa.ForeignKeyConstraint(
            ["undoes"], ["decision.id"], name=op.f("fk_decision_undoes_decision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decision_change"), ["change"], unique=False)
        batch_op.create_index(batch_op.f("ix_decision_record_l"), ["record_l"], unique=False)
        batch_op.create_index(batch_op.f("ix_decision_record_r"), ["record_r"], unique=False)
        batch_op.create_index(batch_op.f("ix_decision_run"), ["run"], unique=False)
        batch_op.create_index(batch_op.f("ix_decision_stale_run"), ["stale_run"], unique=False)
        batch_op.create_index(batch_op.f("ix_decision_undoes"), ["undoes"], unique=False)

    op.create_table(
        "ethnicity",
        sa.Column("ethnicity", sa.Text(), nullable=True),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_ethnicity_extract_extract")
        ),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_ethnicity_from_run_run")),
        sa.ForeignKeyConstraint(["record"], ["record.id"], name=op.f("fk_ethnicity_record_record")),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_ethnicity_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ethnicity")),
    )
    with op.batch_alter_table("ethnicity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ethnicity_record"), ["record"], unique=False)

    op.create_table(
        "event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("child", sa.String(length=13), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["child"], ["child.id"], name=op.f("fk_event_child_child")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_event_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_child"), ["child"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_run"), ["run"], unique=False)

    op.create_table(
        "export_chunk",
        sa.Column("export", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export"], ["export_file.id"], name=op.f("fk_export_chunk_export_export_file")
        ),
        sa.PrimaryKeyConstraint("export", "number", name=op.f("pk_export_chunk")),
    )
    op.create_table(
        "extract_chunk",
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_extract_chunk_extract_extract")
        ),
        sa.PrimaryKeyConstraint("extract", "number", name=op.f("pk_extract_chunk")),
    )
    op.create_table(
        "eyfsp_result",
        sa.Column("goal", sa.Text(), nullable=True),
        sa.Column("score", sa.Text(), nullable=True),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_eyfsp_result_extract_extract")
        ),
        sa.ForeignKeyConstraint(
            ["from_run"], ["run.id"], name=op.f("fk_eyfsp_result_from_run_run")
        ),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_eyfsp_result_record_record")
        ),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_eyfsp_result_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eyfsp_result")),
    )
    with op.batch_alter_table("eyfsp_result", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_eyfsp_result_record"), ["record"], unique=False)

    op.create_table(
        "fsm_period",
        sa.Column("start", sa.Date(), nullable=True),
        sa.Column("end", sa.Date(), nullable=True),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_fsm_period_extract_extract")
        ),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_fsm_period_from_run_run")),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_fsm_period_record_record")
        ),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_fsm_period_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fsm_period")),
    )
    with op.batch_alter_table("fsm_period", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fsm_period_record"), ["record"], unique=False)

    op.create_table(
        "funded_place",
        sa.Column("start", sa.Date(), nullable=True),
        sa.Column("end", sa.Date(), nullable=True),
        sa.Column("setting", sa.Text(), nullable=True),
        sa.Column("hours", sa.Double(), nullable=True),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_funded_place_extract_extract")
        ),
        sa.ForeignKeyConstraint(
            ["from_run"], ["run.id"], name=op.f("fk_funded_place_from_run_run")
        ),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_funded_place_record_record")
        ),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_funded_place_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funded_place")),
    )
    with op.batch_alter_table("funded_place", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_funded_place_record"), ["record"], unique=False)

    op.create_table(
        "golden",
        sa.Column("child", sa.String(length=13), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("forename", sa.Text(), nullable=True),
        sa.Column("forename_source", sa.String(length=64), nullable=True),
        sa.Column("surname", sa.Text(), nullable=True),
        sa.Column("surname_source", sa.String(length=64), nullable=True),
        sa.Column("date_of_birth", sa.Text(), nullable=True),
        sa.Column("date_of_birth_source", sa.String(length=64), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("sex_source", sa.String(length=64), nullable=True),
        sa.Column("nhs_number", sa.Text(), nullable=True),
        sa.Column("nhs_number_source", sa.String(length=64), nullable=True),
        sa.Column("upn", sa.Text(), nullable=True),
        sa.Column("upn_source", sa.String(length=64), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("address_source", sa.String(length=64), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("postcode_source", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["child"], ["child.id"], name=op.f("fk_golden_child_child")),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_golden_from_run_run")),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_golden_to_run_run")),
        sa.PrimaryKeyConstraint("child", "from_run", name=op.f("pk_golden")),
    )
    op.create_table(
        "hold",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("child", sa.String(length=13), nullable=True),
        sa.Column("lifts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["child"], ["child.id"], name=op.f("fk_hold_child_child")),
        sa.ForeignKeyConstraint(["lifts"], ["hold.id"], name=op.f("fk_hold_lifts_hold")),
        sa.ForeignKeyConstraint(["record"], ["record.id"], name=op.f("fk_hold_record_record")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("lifts", name=op.f("uq_hold_lifts")),
        info={"append_only": True},
    )
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hold_child"), ["child"], unique=False)
        batch_op.create_index(batch_op.f("ix_hold_record"), ["record"], unique=False)

    op.create_table(
        "known_pair",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("low", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("high", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["high"], ["record.id"], name=op.f("fk_known_pair_high_record")),
        sa.ForeignKeyConstraint(["low"], ["record.id"], name=op.f("fk_known_pair_low_record")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_pair")),
    )
    with op.batch_alter_table("known_pair", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_known_pair_high"), ["high"], unique=False)
        batch_op.create_index(batch_op.f("ix_known_pair_low_high"), ["low", "high"], unique=False)

    op.create_table(
        "membership",
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("child", sa.String(length=13), nullable=False),
        sa.ForeignKeyConstraint(["child"], ["child.id"], name=op.f("fk_membership_child_child")),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_membership_from_run_run")),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_membership_record_record")
        ),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_membership_to_run_run")),
        sa.PrimaryKeyConstraint("record", "from_run", name=op.f("pk_membership")),
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_membership_child_to_run"), ["child", "to_run"], unique=False
        )
        batch_op.create_index(
            "ix_membership_record_now",
            ["record"],
            unique=True,
            sqlite_where=sa.text("to_run IS NULL"),
            postgresql_where=sa.text("to_run IS NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_membership_to_run"),
            ["to_run"],
            unique=False,
            sqlite_where=sa.text("to_run IS NOT NULL"),
            postgresql_where=sa.text("to_run IS NOT NULL"),
        )

    op.create_table(
        "record_version",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.Column("unplaced", sa.Boolean(), nullable=False),
        sa.Column("unaccompanied", sa.Boolean(), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("forename", sa.Text(), nullable=True),
        sa.Column("middle_names", sa.Text(), nullable=True),
        sa.Column("surname", sa.Text(), nullable=True),
        sa.Column("former_surname", sa.Text(), nullable=True),
        sa.Column("known_as", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_order", sa.Text(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("nhs_number", sa.Text(), nullable=True),
        sa.Column("upn", sa.Text(), nullable=True),
        sa.Column("former_upn", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("family_id", sa.Text(), nullable=True),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_record_version_extract_extract")
        ),
        sa.ForeignKeyConstraint(
            ["from_run"], ["run.id"], name=op.f("fk_record_version_from_run_run")
        ),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_record_version_record_record")
        ),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_record_version_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_version")),
    )
    with op.batch_alter_table("record_version", schema=None) as batch_op:
        batch_op.create_index(
            "ix_record_version_family_now",
            ["family_id"],
            unique=False,
            sqlite_where=sa.text("to_run IS NULL AND family_id IS NOT NULL"),
            postgresql_where=sa.text("to_run IS NULL AND family_id IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_record_version_from_run"), ["from_run"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_record_version_record_from_run"), ["record", "from_run"], unique=False
        )

    op.create_table(
        "referral",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("low", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("high", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "after_decision", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["high"], ["record.id"], name=op.f("fk_referral_high_record")),
        sa.ForeignKeyConstraint(["low"], ["record.id"], name=op.f("fk_referral_low_record")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
    )
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_referral_high"), ["high"], unique=False)
        batch_op.create_index(batch_op.f("ix_referral_low_high"), ["low", "high"], unique=False)

    op.create_table(
        "reject",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract"], ["extract.id"], name=op.f("fk_reject_extract_extract")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reject")),
    )
    with op.batch_alter_table("reject", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reject_extract"), ["extract"], unique=False)

    op.create_table(
        "sampled_pair",
        sa.Column("sample", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("low", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("high", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stratum", sa.String(length=64), nullable=False),
        sa.Column("chance", sa.Double(), nullable=False),
        sa.Column("turn", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["high"], ["record.id"], name=op.f("fk_sampled_pair_high_record")),
        sa.ForeignKeyConstraint(["low"], ["record.id"], name=op.f("fk_sampled_pair_low_record")),
        sa.ForeignKeyConstraint(
            ["sample"], ["quality_sample.id"], name=op.f("fk_sampled_pair_sample_quality_sample")
        ),
        sa.PrimaryKeyConstraint("sample", "low", "high", name=op.f("pk_sampled_pair")),
    )
    with op.batch_alter_table("sampled_pair", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sampled_pair_high"), ["high"], unique=False)
        batch_op.create_index(batch_op.f("ix_sampled_pair_low_high"), ["low", "high"], unique=False)

    op.create_table(
        "search_entry",
        sa.Column(
            "record",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("source", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("child", sa.String(length=13), nullable=False),
        sa.Column(
            "forename", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column(
            "surname", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column(
            "date_of_birth",
            sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("address_5", sa.Text(), nullable=True),
        sa.Column("nhs_number", sa.Text(), nullable=True),
        sa.Column("upn", sa.Text(), nullable=True),
        sa.Column("name_prefix", sa.Text(), nullable=True),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("matched", sa.SmallInteger(), nullable=False),
        sa.Column("possible", sa.SmallInteger(), nullable=False),
        sa.Column("checked", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["child"], ["child.id"], name=op.f("fk_search_entry_child_child")),
        sa.ForeignKeyConstraint(
            ["record"], ["record.id"], name=op.f("fk_search_entry_record_record")
        ),
        sa.ForeignKeyConstraint(
            ["source"], ["source.number"], name=op.f("fk_search_entry_source_source")
        ),
        sa.PrimaryKeyConstraint("record", name=op.f("pk_search_entry")),
    )
    with op.batch_alter_table("search_entry", schema=None) as batch_op:
        batch_op.create_index(
            "ix_search_entry_address_5",
            ["address_5"],
            unique=False,
            sqlite_where=sa.text("address_5 IS NOT NULL"),
            postgresql_where=sa.text("address_5 IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_search_entry_checked",
            ["source", "surname", "forename", "date_of_birth", "record"],
            unique=False,
            sqlite_where=sa.text("checked = 1"),
            postgresql_where=sa.text("checked = 1"),
        )
        batch_op.create_index(
            batch_op.f("ix_search_entry_date_of_birth_record_source"),
            ["date_of_birth", "record", "source"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_search_entry_forename_surname_date_of_birth_record_source"),
            ["forename", "surname", "date_of_birth", "record", "source"],
            unique=False,
        )
        batch_op.create_index(
            "ix_search_entry_name_prefix",
            ["name_prefix"],
            unique=False,
            sqlite_where=sa.text("name_prefix IS NOT NULL"),
            postgresql_where=sa.text("name_prefix IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_search_entry_nhs_number",
            ["nhs_number"],
            unique=False,
            sqlite_where=sa.text("nhs_number IS NOT NULL"),
            postgresql_where=sa.text("nhs_number IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_search_entry_possible",
            ["source", "surname", "forename", "date_of_birth", "record"],
            unique=False,
            sqlite_where=sa.text("possible = 1"),
            postgresql_where=sa.text("possible = 1"),
        )
        batch_op.create_index(
            "ix_search_entry_postcode",
            ["postcode"],
            unique=False,
            sqlite_where=sa.text("postcode IS NOT NULL"),
            postgresql_where=sa.text("postcode IS NOT NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_search_entry_source_held_possible_checked"),
            ["source", "held", "possible", "checked"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_search_entry_surname_forename_date_of_birth_record_source"),
            ["surname", "forename", "date_of_birth", "record", "source"],
            unique=False,
        )
        batch_op.create_index(
            "ix_search_entry_unmatched",
            ["source", "surname", "forename", "date_of_birth", "record"],
            unique=False,
            sqlite_where=sa.text("matched = 0"),
            postgresql_where=sa.text("matched = 0"),
        )
        batch_op.create_index(
            "ix_search_entry_upn",
            ["upn"],
            unique=False,
            sqlite_where=sa.text("upn IS NOT NULL"),
            postgresql_where=sa.text("upn IS NOT NULL"),
        )

    op.create_table(
        "severance",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record_l", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_r", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "inherited_from", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["inherited_from"], ["severance.id"], name=op.f("fk_severance_inherited_from_severance")
        ),
        sa.ForeignKeyConstraint(
            ["record_l"], ["record.id"], name=op.f("fk_severance_record_l_record")
        ),
        sa.ForeignKeyConstraint(
            ["record_r"], ["record.id"], name=op.f("fk_severance_record_r_record")
        ),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_severance_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_severance")),
    )
    with op.batch_alter_table("severance", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_severance_record_l"), ["record_l"], unique=False)
        batch_op.create_index(batch_op.f("ix_severance_record_r"), ["record_r"], unique=False)
        batch_op.create_index(batch_op.f("ix_severance_run"), ["run"], unique=False)

    op.create_table(
        "shield",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "inherited_from", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("lookalike", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["inherited_from"], ["shield.id"], name=op.f("fk_shield_inherited_from_shield")
        ),
        sa.ForeignKeyConstraint(["record"], ["record.id"], name=op.f("fk_shield_record_record")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shield")),
    )
    with op.batch_alter_table("shield", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shield_record"), ["record"], unique=False)

    op.create_table(
        "succession",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("child", sa.String(length=13), nullable=False),
        sa.Column("successor", sa.String(length=13), nullable=False),
        sa.ForeignKeyConstraint(["child"], ["child.id"], name=op.f("fk_succession_child_child")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_succession_run_run")),
        sa.ForeignKeyConstraint(
            ["successor"], ["child.id"], name=op.f("fk_succession_successor_child")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_succession")),
    )
    with op.batch_alter_table("succession", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_succession_child_run"), ["child", "run"], unique=False)
        batch_op.create_index(batch_op.f("ix_succession_successor"), ["successor"], unique=False)

    op.create_table(
        "visit",
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("visit", sa.Text(), nullable=True),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("extract", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["extract"], ["extract.id"], name=op.f("fk_visit_extract_extract")),
        sa.ForeignKeyConstraint(["from_run"], ["run.id"], name=op.f("fk_visit_from_run_run")),
        sa.ForeignKeyConstraint(["record"], ["record.id"], name=op.f("fk_visit_record_record")),
        sa.ForeignKeyConstraint(["to_run"], ["run.id"], name=op.f("fk_visit_to_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
    )
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_visit_record"), ["record"], unique=False)

    op.create_table(
        "review_answer",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("low", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("high", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("read", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=True),
        sa.Column("decision", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("known", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("weighed", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["decision"], ["decision.id"], name=op.f("fk_review_answer_decision_decision")
        ),
        sa.ForeignKeyConstraint(["high"], ["record.id"], name=op.f("fk_review_answer_high_record")),
        sa.ForeignKeyConstraint(
            ["known"], ["known_pair.id"], name=op.f("fk_review_answer_known_known_pair")
        ),
        sa.ForeignKeyConstraint(["low"], ["record.id"], name=op.f("fk_review_answer_low_record")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_answer")),
    )
    with op.batch_alter_table("review_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_answer_by_id"), ["by", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_answer_decision"), ["decision"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_answer_high"), ["high"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_answer_known"), ["known"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_review_answer_low_high"), ["low", "high"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_review_answer_state"), ["state"], unique=False)

    op.invoke(KeepAppendOnly("access"))
    op.invoke(KeepAppendOnly("audit"))
    op.invoke(KeepAppendOnly("hold"))
    op.invoke(KeepAppendOnly("source_mapping"))


def downgrade() -> None:
    """Go back to the state before."""
    op.invoke(LetRowsChange("source_mapping"))
    op.invoke(LetRowsChange("hold"))
    op.invoke(LetRowsChange("audit"))
    op.invoke(LetRowsChange("access"))
    with op.batch_alter_table("review_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_answer_state"))
        batch_op.drop_index(batch_op.f("ix_review_answer_low_high"))
        batch_op.drop_index(batch_op.f("ix_review_answer_known"))
        batch_op.drop_index(batch_op.f("ix_review_answer_high"))
        batch_op.drop_index(batch_op.f("ix_review_answer_decision"))
        batch_op.drop_index(batch_op.f("ix_review_answer_by_id"))

    op.drop_table("review_answer")
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_visit_record"))

    op.drop_table("visit")
    with op.batch_alter_table("succession", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_succession_successor"))
        batch_op.drop_index(batch_op.f("ix_succession_child_run"))

    op.drop_table("succession")
    with op.batch_alter_table("shield", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shield_record"))

    op.drop_table("shield")
    with op.batch_alter_table("severance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_severance_run"))
        batch_op.drop_index(batch_op.f("ix_severance_record_r"))
        batch_op.drop_index(batch_op.f("ix_severance_record_l"))

    op.drop_table("severance")
    with op.batch_alter_table("search_entry", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_search_entry_upn",
            sqlite_where=sa.text("upn IS NOT NULL"),
            postgresql_where=sa.text("upn IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_search_entry_unmatched",
            sqlite_where=sa.text("matched = 0"),
            postgresql_where=sa.text("matched = 0"),
        )
        batch_op.drop_index(
            batch_op.f("ix_search_entry_surname_forename_date_of_birth_record_source")
        )
        batch_op.drop_index(batch_op.f("ix_search_entry_source_held_possible_checked"))
        batch_op.drop_index(
            "ix_search_entry_postcode",
            sqlite_where=sa.text("postcode IS NOT NULL"),
            postgresql_where=sa.text("postcode IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_search_entry_possible",
            sqlite_where=sa.text("possible = 1"),
            postgresql_where=sa.text("possible = 1"),
        )
        batch_op.drop_index(
            "ix_search_entry_nhs_number",
            sqlite_where=sa.text("nhs_number IS NOT NULL"),
            postgresql_where=sa.text("nhs_number IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_search_entry_name_prefix",
            sqlite_where=sa.text("name_prefix IS NOT NULL"),
            postgresql_where=sa.text("name_prefix IS NOT NULL"),
        )
        batch_op.drop_index(
            batch_op.f("ix_search_entry_forename_surname_date_of_birth_record_source")
        )
        batch_op.drop_index(batch_op.f("ix_search_entry_date_of_birth_record_source"))
        batch_op.drop_index(
            "ix_search_entry_checked",
            sqlite_where=sa.text("checked = 1"),
            postgresql_where=sa.text("checked = 1"),
        )
        batch_op.drop_index(
            "ix_search_entry_address_5",
            sqlite_where=sa.text("address_5 IS NOT NULL"),
            postgresql_where=sa.text("address_5 IS NOT NULL"),
        )

    op.drop_table("search_entry")
    with op.batch_alter_table("sampled_pair", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sampled_pair_low_high"))
        batch_op.drop_index(batch_op.f("ix_sampled_pair_high"))

    op.drop_table("sampled_pair")
    with op.batch_alter_table("reject", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reject_extract"))

    op.drop_table("reject")
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_referral_low_high"))
        batch_op.drop_index(batch_op.f("ix_referral_high"))

    op.drop_table("referral")
    with op.batch_alter_table("record_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_version_record_from_run"))
        batch_op.drop_index(batch_op.f("ix_record_version_from_run"))
        batch_op.drop_index(
            "ix_record_version_family_now",
            sqlite_where=sa.text("to_run IS NULL AND family_id IS NOT NULL"),
            postgresql_where=sa.text("to_run IS NULL AND family_id IS NOT NULL"),
        )

    op.drop_table("record_version")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index(
            batch_op.f("ix_membership_to_run"),
            sqlite_where=sa.text("to_run IS NOT NULL"),
            postgresql_where=sa.text("to_run IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_membership_record_now",
            sqlite_where=sa.text("to_run IS NULL"),
            postgresql_where=sa.text("to_run IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_membership_child_to_run"))

    op.drop_table("membership")
    with op.batch_alter_table("known_pair", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_known_pair_low_high"))
        batch_op.drop_index(batch_op.f("ix_known_pair_high"))

    op.drop_table("known_pair")
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hold_record"))
        batch_op.drop_index(batch_op.f("ix_hold_child"))

    op.drop_table("hold")
    op.drop_table("golden")
    with op.batch_alter_table("funded_place", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_funded_place_record"))

    op.drop_table("funded_place")
    with op.batch_alter_table("fsm_period", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_fsm_period_record"))

    op.drop_table("fsm_period")
    with op.batch_alter_table("eyfsp_result", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_eyfsp_result_record"))

    op.drop_table("eyfsp_result")
    op.drop_table("extract_chunk")
    op.drop_table("export_chunk")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_run"))
        batch_op.drop_index(batch_op.f("ix_event_child"))

    op.drop_table("event")
    with op.batch_alter_table("ethnicity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ethnicity_record"))

    op.drop_table("ethnicity")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decision_undoes"))
        batch_op.drop_index(batch_op.f("ix_decision_stale_run"))
        batch_op.drop_index(batch_op.f("ix_decision_run"))
        batch_op.drop_index(batch_op.f("ix_decision_record_r"))
        batch_op.drop_index(batch_op.f("ix_decision_record_l"))
        batch_op.drop_index(batch_op.f("ix_decision_change"))

    op.drop_table("decision")
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_correction_run"))
        batch_op.drop_index(batch_op.f("ix_correction_record"))

    op.drop_table("correction")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_record"))

    op.drop_table("contact")
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conflict_record_r"))
        batch_op.drop_index(batch_op.f("ix_conflict_record_l"))

    op.drop_table("conflict")
    with op.batch_alter_table("checked_record", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_checked_record_now",
            sqlite_where=sa.text("undone_at IS NULL"),
            postgresql_where=sa.text("undone_at IS NULL"),
        )

    op.drop_table("checked_record")
    with op.batch_alter_table("caf_episode", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_caf_episode_record"))

    op.drop_table("caf_episode")
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_record_erased_run",
            sqlite_where=sa.text("erased_run IS NOT NULL"),
            postgresql_where=sa.text("erased_run IS NOT NULL"),
        )

    op.drop_table("record")
    op.drop_table("quality_sample")
    op.drop_table("preview")
    op.drop_table("kept_measures")
    with op.batch_alter_table("extract", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_extract_source_state"))

    op.drop_table("extract")
    with op.batch_alter_table("export_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_export_file_created_at"))

    op.drop_table("export_file")
    op.drop_table("erasure")
    op.drop_table("child")
    op.drop_table("webhook")
    with op.batch_alter_table("source_mapping", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_source_mapping_source"))

    op.drop_table("source_mapping")
    op.drop_table("run")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_person"))

    op.drop_table("invitation")
    op.drop_table("agreement")
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhook_delivery_webhook_state"))

    op.drop_table("webhook_delivery")
    op.drop_table("source")
    op.drop_table("sign_in_failure")
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_person"))

    op.drop_table("sign_in")
    op.drop_table("rule_set")
    with op.batch_alter_table("review_skip", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_skip_by"))

    op.drop_table("review_skip")
    with op.batch_alter_table("review_lease", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_review_lease_in_hand",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.drop_table("review_lease")
    op.drop_table("postcode_deprivation")
    op.drop_table("person")
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_pair_waiting_set",
            sqlite_where=sa.text("waiting = 1"),
            postgresql_where=sa.text("waiting = 1"),
        )
        batch_op.drop_index(batch_op.f("ix_pair_r_evidence_company_group_apart"))
        batch_op.drop_index(
            "ix_pair_open_set",
            sqlite_where=sa.text("open = 1"),
            postgresql_where=sa.text("open = 1"),
        )
        batch_op.drop_index(
            "ix_pair_group_set",
            sqlite_where=sa.text('"group" > 0'),
            postgresql_where=sa.text('"group" > 0'),
        )

    op.drop_table("pair")
    op.drop_table("model_file")
    with op.batch_alter_table("kept_reply", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kept_reply_at"))

    op.drop_table("kept_reply")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_job_state_id"))

    op.drop_table("job")
    op.drop_table("feed_key")
    op.drop_table("evidence_count")
    op.drop_table("claim_count")
    op.drop_table("claim")
    op.drop_table("blocking_key")
    op.drop_table("audit")
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_key_name"))

    op.drop_table("api_key")
    with op.batch_alter_table("access", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_by_at"))

    op.drop_table("access")
