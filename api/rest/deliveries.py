"""What a webhook is sent, for those who write what receives it."""

from typing import Annotated

from fastapi import FastAPI, Header, Response
from pydantic import BaseModel, Field

from api.rest.events import EventKind


class DeliveredEvent(BaseModel):
    """One event, by its ids; what more there is to say of it, `/v1/events` tells."""

    id: str = Field(
        description="By which `/v1/events` knows it; the same event may come more than once.",
        examples=["5d41402abc4b2a76b9719d911017c592"],
    )
    run: int = Field(description="The run in which it happened.", examples=[5])
    kind: EventKind = Field(description="What happened.", examples=["record_linked"])
    child_id: str = Field(description="The child that it is about.", examples=["7K3M9QX2RT4VA"])


class Delivery(BaseModel):
    """The body of one delivery: ids only."""

    webhook: int = Field(description="The webhook that it is sent to.", examples=[3])
    delivery: int = Field(
        description="Its number, the same whenever it is tried again.", examples=[9]
    )
    events: list[DeliveredEvent] = Field(description="In their order.")


def describe_deliveries(app: FastAPI) -> None:
    """Let the OpenAPI document say what webhooks of this application are sent."""

    @app.webhooks.post(
        "events",
        operation_id="deliver_events",
        summary="Events of a webhook",
        tags=["webhooks"],
        response_class=Response,
        responses={
            200: {"description": "Any status from 200 to 299: it has arrived."},
            "default": {"description": "It is tried again later, twelve times in all."},
        },
    )
    def _deliver_events(
        delivery: Delivery,
        webhook_id: Annotated[
            str,
            Header(alias="Webhook-Id", description="The number of the delivery.", examples=["9"]),
        ],
        webhook_signature: Annotated[
            str,
            Header(
                alias="Webhook-Signature",
                description="`t=SECONDS,v1=HEX`: when it was sent, in seconds since 1970, and the "
                "HMAC-SHA256 of `SECONDS.BODY` with the webhook's secret. Compute it from the "
                "body as it came, and refuse what differs or is old.",
                examples=[
                    "t=1725269400,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e1"
                    "08d8bd"
                ],
            ),
        ],
    ) -> None:
        """Sent by the service to the address of a webhook, in order and at least once: keep the
        ids of events that are done. Answer within ten seconds.
        """
