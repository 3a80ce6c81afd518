/** The end of the device flow (RFC 8628, section 3.4): a device polls with its code, until it gets a credential. */
import { formatDuration } from "../../config/mod.ts";
import { DEVICE_CLIENTS } from "../../resources/clients.ts";
import { TokenBuckets } from "../../shared/token_buckets.ts";
import type { DeviceCodeRow } from "../../store/device_codes.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError, type Holder } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { assertBelowCredentialLimit } from "./credential_limit.ts";
import { NEW_CREDENTIAL, newClientId } from "./credentials.ts";
import {
  denied,
  deviceCodeHash,
  deviceName,
  hasExpired,
  POLL_INTERVAL_MS,
  unknownCode,
  unknownDevice,
} from "./device_codes.ts";
import { type Grant, OAuthError, required, unknownClient } from "./grants/grant.ts";
import { checkedFor, holderAs, holderOf } from "./holders.ts";
import type { LiveClient, LiveClients } from "./live_clients.ts";
import { approverOf, earliest } from "./maker_limits.ts";
import { rolesToGive } from "./scoping.ts";
import { isAllowedFrom } from "./source_networks.ts";
import type { Granted } from "./access_tokens.ts";

/**
 * Twice as fast is tolerated, and a few polls may come at once: `cone` ends at a `slow_down`, and polls that the network
 * held up arrive together.
 */
const POLLS_PER_SECOND = 2_000 / POLL_INTERVAL_MS;
const POLL_BURST = 3;
/** What an approved device acts as lives this long: time to create a personal client and to choose its roles. */
const DEVICE_CREDENTIAL_LIFETIME_MS = 60 * 60_000;
/** Why an approval no longer holds: too many credentials, or roles that the approver has lost or that were deleted. */
const DENIED_BY: ReadonlySet<string> = new Set([
  "CREDENTIAL_LIMIT",
  "ROLE_MISSING",
  "INVALID_FIELD",
]);

interface DeviceGrantParts {
  readonly store: Store;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly liveClients: LiveClients;
  /** Host, with its port, in client ids. */
  readonly host: string;
}

/** An approved device code (RFC 8628, section 3.4). */
export class DeviceCodeGrant implements Grant {
  readonly type = "urn:ietf:params:oauth:grant-type:device_code";
  /** Of each pending code. */
  readonly #polls = new TokenBuckets({ perSecond: POLLS_PER_SECOND, burst: POLL_BURST });

  constructor(private readonly parts: DeviceGrantParts) {}

  /**
   * Redeems an approved device code, once: the client that it answers is a new credential of the person who approved, with
   * no more roles than the approver may give now.
   * @param address of the device; from an address that is not allowed, the code is not used up
   * @throws OAuthError of RFC 8628, section 3.5, which names who approved as its holder
   */
  async authenticate(form: URLSearchParams, address: string | undefined): Promise<Granted> {
    const clientId = required(form, "client_id");
    const deviceCode = required(form, "device_code");
    if (!DEVICE_CLIENTS.has(clientId)) throw unknownDevice();
    const { deviceCodes } = this.parts.store.read;
    const row = await deviceCodes.byDeviceCode(deviceCodeHash(deviceCode));
    if (row === undefined) throw unknownCode();
    const client = await checkedFor(await this.#approverOf(row), async () => {
      if (row.clientId !== clientId) throw unknownCode();
      if (hasExpired(row)) {
        throw new OAuthError("expired_token", "the device code has expired; start again");
      }
      if (row.state === "denied") throw denied();
      if (row.state === "pending") throw this.#stillPending(row);
      return await this.#redeem(row, address);
    });
    return { client };
  }

  /** Who approved a sign-in; undefined as long as nobody has. */
  async #approverOf(
    { principalId, approverClientId }: DeviceCodeRow,
  ): Promise<Holder | undefined> {
    if (principalId === null) return undefined;
    const { identity } = this.parts.store.read;
    const client = approverClientId === null ? undefined : await identity.client(approverClientId);
    if (client !== undefined) return holderOf(client);
    const person = (await identity.principal(principalId))?.principal;
    return person && holderAs({ ...person, clientId: principalId });
  }

  async #redeem(row: DeviceCodeRow, address: string | undefined): Promise<LiveClient> {
    try {
      return await this.parts.store.writeLocked(
        [locks.ofPrincipal(row.principalId ?? "")],
        (tx) => this.#redeemIn(tx, row, address),
      );
    } catch (error) {
      const isDenied = error instanceof DomainError && DENIED_BY.has(error.reason);
      throw isDenied ? new OAuthError("access_denied", error.message) : error;
    }
  }

  async #redeemIn(
    tx: Writers,
    row: DeviceCodeRow,
    address: string | undefined,
  ): Promise<LiveClient> {
    if (!await tx.deviceCodes.redeem(row.deviceCodeHash)) throw unknownCode();
    const { ids, audit, liveClients, host } = this.parts;
    const principalId = row.principalId ?? "";
    const approver = await approverOf(tx.identity, liveClients, { ...row, principalId });
    if (approver === undefined) throw denied();
    const { limits, principal: by, givable } = approver;
    const asked = JSON.parse(row.scopedRoles) as string[];
    const scopedRoles = await rolesToGive({
      ...{ liveClients, by, givable, asked, field: "scope" },
      identity: tx.identity,
    });
    await assertBelowCredentialLimit(tx.identity, principalId, "selfMade");
    const { id, time } = ids.nextWithTime();
    const clientId = newClientId(host, "dev");
    await tx.identity.insertCredential({
      id,
      kind: "device",
      clientId,
      principalId,
      displayName: `${deviceName(row)} (device)`,
      scopedRoles: JSON.stringify(scopedRoles),
      secretHash: "",
      publicJwk: "",
      ...NEW_CREDENTIAL,
      approverClientId: row.approverClientId,
      allowSourceCidrs: JSON.stringify(limits.allowSourceCidrs),
      requireDpop: limits.requireDpop,
      createdAt: time.toISOString(),
      updatedAt: time.toISOString(),
      expiresAt: earliest(
        new Date(time.getTime() + DEVICE_CREDENTIAL_LIFETIME_MS).toISOString(),
        limits.expiresAt,
      ),
      deletedAt: null,
    });
    const client = liveClients.of(await tx.identity.client(clientId));
    // Disabled or deleted since the approval.
    if (client === undefined) throw denied();
    if (!isAllowedFrom(client.sources, address)) throw unknownClient();
    const { principal } = client;
    await tx.audit.append(audit.entry({
      kind: "call",
      operation: "invoked.AuthService.Token",
      activity: "create",
      actor: principal,
      resources: [{ type: "credential", id, namespace: principal.id, change: "created" }],
      facts: { device: deviceName(row) },
    }));
    return client;
  }

  #stillPending({ deviceCodeHash: hash }: DeviceCodeRow): OAuthError {
    return this.#polls.take(hash) === 0
      ? new OAuthError("authorization_pending", "nobody has approved the device yet")
      : new OAuthError("slow_down", `ask every ${formatDuration(POLL_INTERVAL_MS)} at most`);
  }
}
