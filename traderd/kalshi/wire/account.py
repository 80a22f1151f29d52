"""The bodies of everything about an account that is not trading: keys, limits, groups, subaccounts, cash.

Owns: field names, which of them are required, and which are absent rather than null (Kalshi: account, API keys, order
groups, subaccounts, portfolio).
Must not: interpret.
"""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, UnsetType

from traderd.kalshi.wire.numbers import Name
from traderd.kalshi.wire.portfolio import Transfer
from traderd.kalshi.wire.rest import Wire

# --- order groups ---------------------------------------------------------------------------------


class CreateOrderGroupRequest(Wire, frozen=True, kw_only=True):
    """`POST /portfolio/order_groups/create`; one of the two limits is needed."""

    contracts_limit: int | None = None
    contracts_limit_fp: str | None = None
    subaccount: int | None = None
    exchange_index: int | None = None


class OrderGroupLimitRequest(Wire, frozen=True, kw_only=True):
    """`PUT /portfolio/order_groups/{id}/limit`; one of the two limits is needed."""

    contracts_limit: int | None = None
    contracts_limit_fp: str | None = None


class CreatedOrderGroup(Wire, frozen=True, kw_only=True):
    """A group that was made."""

    order_group_id: Name
    subaccount: int
    exchange_index: int = 0


class OrderGroupLine(Wire, frozen=True, kw_only=True):
    """A group in a list."""

    id: Name
    contracts_limit_fp: str
    is_auto_cancel_enabled: bool
    exchange_index: int = 0


class OrderGroupList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/order_groups`; the key is absent when there are none (Kalshi: capture)."""

    order_groups: list[OrderGroupLine] | UnsetType = UNSET


class OrderGroupDetails(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/order_groups/{id}`: a group with its resting orders."""

    is_auto_cancel_enabled: bool
    contracts_limit_fp: str
    orders: list[str]
    exchange_index: int = 0


# --- subaccounts ----------------------------------------------------------------------------------


OURS: Final = 0
"""The subaccount that we trade with. Kalshi shows its positions and balance by default, but the orders and fills of all."""


class CreateSubaccountRequest(Wire, frozen=True, kw_only=True):
    """`POST /portfolio/subaccounts`."""

    exchange_index: int | None = None


class CreatedSubaccount(Wire, frozen=True, kw_only=True):
    """A subaccount that was opened."""

    subaccount_number: int


class SubaccountTransferRequest(Wire, frozen=True, kw_only=True):
    """`POST /portfolio/subaccounts/transfer`."""

    client_transfer_id: str
    """A UUID, good once."""
    from_subaccount: int
    to_subaccount: int
    amount_cents: int
    exchange_index: int | None = None


class SubaccountTransfer(Transfer, frozen=True, kw_only=True):
    """The same as an exchange of several matching engines tells it."""

    exchange_index: int = 0


class SubaccountTransferList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/subaccounts/transfers`."""

    transfers: list[SubaccountTransfer]
    cursor: str


class SubaccountBalance(Wire, frozen=True, kw_only=True):
    """What one subaccount has."""

    subaccount_number: int
    balance: str
    """Dollars."""
    updated_ts: int
    """Unix seconds."""
    exchange_index: int = 0


class SubaccountBalanceList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/subaccounts/balances`."""

    subaccount_balances: list[SubaccountBalance]


class NettingConfig(Wire, frozen=True, kw_only=True):
    """Whether one subaccount nets."""

    subaccount_number: int
    enabled: bool
    exchange_index: int = 0


class NettingConfigList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/subaccounts/netting`."""

    netting_configs: list[NettingConfig]


class NettingRequest(Wire, frozen=True, kw_only=True):
    """`PUT /portfolio/subaccounts/netting`."""

    subaccount_number: int
    enabled: bool


# --- API keys -------------------------------------------------------------------------------------


class CreateApiKeyRequest(Wire, frozen=True, kw_only=True):
    """`POST /api_keys`."""

    name: str
    public_key: str
    """PEM."""
    scopes: list[str] | None = None
    subaccount: int | None = None
    fcm_subtrader_id: str | None = None


class GenerateApiKeyRequest(Wire, frozen=True, kw_only=True):
    """`POST /api_keys/generate`."""

    name: str
    key_type: str | None = None
    scopes: list[str] | None = None
    subaccount: int | None = None
    fcm_subtrader_id: str | None = None


class ApiKeyLine(Wire, frozen=True, kw_only=True):
    """A key in a list."""

    api_key_id: str
    name: str
    scopes: list[str]
    subaccount: int | UnsetType = UNSET


class ApiKeyList(Wire, frozen=True, kw_only=True):
    """`GET /api_keys`."""

    api_keys: list[ApiKeyLine]


class CreatedApiKey(Wire, frozen=True, kw_only=True):
    """A key whose public half was given."""

    api_key_id: str


class GeneratedApiKey(Wire, frozen=True, kw_only=True):
    """A key that the exchange made; its private half is shown this once."""

    api_key_id: str
    key_type: str
    private_key: str


# --- limits ---------------------------------------------------------------------------------------


class BucketLimit(Wire, frozen=True, kw_only=True):
    """One token bucket: tokens a second, and tokens."""

    refill_rate: int
    bucket_capacity: int


class UsageGrant(Wire, frozen=True, kw_only=True):
    """What raised an account's tier."""

    exchange_instance: str
    level: str
    source: str
    """`volume` or `manual`."""


class AccountLimitsBody(Wire, frozen=True, kw_only=True):
    """`GET /account/limits`, as the exchange writes it."""

    usage_tier: str
    read: BucketLimit
    write: BucketLimit
    grants: list[UsageGrant]


class EndpointCost(Wire, frozen=True, kw_only=True):
    """What one endpoint costs, in tokens."""

    method: str
    path: str
    cost: int


class EndpointCostList(Wire, frozen=True, kw_only=True):
    """`GET /account/endpoint_costs`: those that cost something else than the default."""

    default_cost: int
    endpoint_costs: list[EndpointCost]


class VolumeGoal(Wire, frozen=True, kw_only=True):
    """The volume that earns a tier, and that keeps it."""

    level: str
    earn_volume_goal_fp: str
    keep_volume_goal_fp: str


class VolumeProgress(Wire, frozen=True, kw_only=True):
    """How far an account is."""

    computed_ts: int
    """Unix seconds."""
    trailing_30d_volume_fp: str
    goals: list[VolumeGoal]


class VolumeProgressList(Wire, frozen=True, kw_only=True):
    """`GET /account/api_usage_level/volume_progress`."""

    volume_progress: list[VolumeProgress]


# --- cash -----------------------------------------------------------------------------------------


class CashMovement(Wire, frozen=True, kw_only=True):
    """One deposit or withdrawal."""

    id: str
    status: str
    """`pending`, `applied`, `failed` or `returned`."""
    type: str
    """`ach`, `wire`, `crypto`, `debit` or `apm`."""
    amount_cents: int
    fee_cents: int
    created_ts: int
    """Unix seconds."""
    finalized_ts: int


class DepositList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/deposits`."""

    deposits: list[CashMovement]
    cursor: str


class WithdrawalList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/withdrawals`."""

    withdrawals: list[CashMovement]
    cursor: str


class BalanceShare(Wire, frozen=True, kw_only=True):
    """How much of a balance should be on one matching engine."""

    exchange_index: int
    percent: int


class TargetBalanceAllocation(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/target_balance_allocation`; the same body sets it."""

    allocations: list[BalanceShare]
    resting_margin_reservation: str | None = None
    """`none`, `max` or `sum`."""


class InstanceTransferRequest(Wire, frozen=True, kw_only=True):
    """`POST /portfolio/intra_exchange_instance_transfer`."""

    source: str
    destination: str
    """`event_contract` or `margined`, both."""
    amount: int
    """In 1/10 000 $."""
    client_transfer_id: str | None = None
    source_exchange_shard: int | None = None
    destination_exchange_shard: int | None = None
    source_subaccount: int | None = None
    destination_subaccount: int | None = None


class TransferId(Wire, frozen=True, kw_only=True):
    """A transfer that was made."""

    transfer_id: str
