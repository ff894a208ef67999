"""Makes what clients are told of pairs from what the services know of them."""

from api.rest.record_schemas import RecordKey
from api.rest.review_models import (
    BesideModel,
    ClashingModel,
    EarlierModel,
    FieldModel,
    HeldTwiceModel,
    PairModel,
    PairPart,
    SideModel,
    ValueModel,
    WeightsModel,
)
from api.services.register.why import Explained
from api.services.review.context import Context, Side
from api.services.review.leases import Lease
from api.services.review.seen import Beside, Field, Shown
from api.services.review.surroundings import Earlier


def pair_model(context: Context, lease: Lease) -> PairModel:
    """As it is told."""
    return PairModel(
        pair=str(context.pair),
        kind=context.kind,  # type: ignore[arg-type]
        token=lease.token,
        expires_at=lease.expires_at,
        l=_side(context.l, context.names_children),
        r=_side(context.r, context.names_children),
        fields=[_field(one) for one in context.fields],
        weight=context.weight,
        probability=context.probability,
        reasons=list(context.reasons),
        cautions=list(context.cautions),
        rival=context.rival,
        together=context.together,
        twice=[
            HeldTwiceModel(
                source=one.source,
                l=[RecordKey.of(key) for key in one.l],
                r=[RecordKey.of(key) for key in one.r],
            )
            for one in context.twice
        ],
        clashing=[
            ClashingModel(
                pair=str(one.pair),
                decision=one.id,
                kind=one.kind,
                l=one.l and RecordKey.of(one.l),
                r=one.r and RecordKey.of(one.r),
                by=one.by,
                at=one.at,
                why=one.why,
            )
            for one in context.clashing
        ],
        location_hidden=context.location_hidden,
        earlier=[_earlier(one) for one in context.earlier],
        answers=[_earlier(one) for one in context.answers],
        note=context.note,
        referred_by=context.referred_by,
        referred_at=context.referred_at,
    )


def weights_model(found: Explained | None) -> WeightsModel | None:
    """As it is told."""
    if found is None:
        return None
    parts = [
        PairPart(**{name: getattr(part, name) for name in PairPart.model_fields})
        for part in found.parts
    ]
    return WeightsModel(
        weight=found.weight,
        probability=found.probability,
        prior=found.prior,
        company=found.company,
        withheld=found.withheld,
        parts=parts,
    )


def _side(side: Side, names: bool) -> SideModel:
    return SideModel(
        source=side.key[0],
        record_id=side.key[1],
        child_id=side.child if names else None,
        fellows=[_beside(one, names) for one in side.fellows],
        kin=[_beside(one, names) for one in side.kin],
        rivals=[_beside(one, names) for one in side.rivals],
    )


def _beside(one: Beside, names: bool) -> BesideModel:
    return BesideModel(
        source=one.key[0],
        record_id=one.key[1],
        child_id=one.child if names else None,
        values=dict(one.values),
        why=one.why,  # type: ignore[arg-type]
        weight=one.weight,
        location_hidden=one.location_hidden,
    )


def _field(one: Field) -> FieldModel:
    return FieldModel(
        name=one.name,
        comparison=one.comparison,  # type: ignore[arg-type]
        l=_value(one.l),
        r=_value(one.r),
        withheld=one.withheld,
        counted=one.counted,
    )


def _value(value: Shown) -> ValueModel:
    return ValueModel(text=value.text, spans=list(value.spans), masked=value.masked)


def _earlier(one: Earlier) -> EarlierModel:
    return EarlierModel(**{name: getattr(one, name) for name in EarlierModel.model_fields})
