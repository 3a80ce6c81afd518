/** The device flow (RFC 8628): a device asks, a person approves in the console, and the device gets a token. */
import { countOf, formatDuration } from "../../config/mod.ts";
import { DEVICE_CLIENTS } from "../../resources/clients.ts";
import type { DeviceCodeRow, DeviceDecision } from "../../store/device_codes.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import type { Audit } from "../audit/audit.ts";
import { locks } from "../locks.ts";
import { assertBelowCredentialLimit } from "./credential_limit.ts";
import {
  codeInvalid,
  deviceCodeHash,
  deviceName,
  hasExpired,
  newDeviceCode,
  newUserCode,
  POLL_INTERVAL_MS,
  shownUserCode,
  unknownDevice,
  userCodeHash,
  userCodeOf,
} from "./device_codes.ts";
import { OAuthError } from "./grants/grant.ts";
import { rolesOfScope } from "./grants/scopes.ts";
import type { TokenTargets } from "./grants/targets.ts";
import type { LiveClients } from "./live_clients.ts";
import { clientGone, type Principal } from "./principal.ts";
import { builtinRole } from "./roles.ts";
import { rolesToGive } from "./scoping.ts";

/** How long a person has to approve. */
const DEVICE_CODE_LIFETIME_MS = 10 * 60_000;
/** How long a code is kept after that, so that a late poll learns that the code has expired. */
export const DEVICE_CODE_GRACE_MS = 5 * 60_000;
/** Codes that exist at a time, in total and of one address or IPv6 network. */
const DEVICE_CODES_MAX = 10_000;
const DEVICE_CODES_OF_SENDER_MAX = 50;
const SCOPE_CHARS_MAX = 1_024;

/** A new sign-in, as the device shows it. */
export interface DeviceAuthorization {
  readonly deviceCode: string;
  readonly userCode: string;
  /** Page of the console on which a person types the user code. */
  readonly verificationUri: string;
  readonly verificationUriComplete: string;
  readonly expiresInSeconds: number;
  readonly intervalSeconds: number;
}

/** A sign-in that waits for a decision, as its page shows it. */
export interface PendingDevice {
  readonly userCode: string;
  readonly clientId: string;
  readonly clientName: string;
  readonly address: string;
  /** The roles that the device asks for; empty for all roles of the principal. */
  readonly scopedRoles: readonly { readonly id: string; readonly displayName: string }[];
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** Who asks for a sign-in. */
interface DeviceRequest {
  readonly clientId: string;
  readonly scope: string;
  /** What the token is to be for; empty for this server. */
  readonly resources: readonly string[];
  readonly address: string;
  /** The address, or the network of an IPv6 address. */
  readonly sender: string;
}

interface DeviceFlowOptions {
  readonly store: Store;
  readonly audit: Audit;
  readonly liveClients: LiveClients;
  readonly targets: TokenTargets;
  /** Base URL of the server. */
  readonly url: string;
  /** Keys the hashes of user codes. */
  readonly userCodeKey: Uint8Array;
}

/** Begins and decides the sign-ins of devices; `device_redemption.ts` has what comes after. */
export class DeviceFlow {
  constructor(private readonly options: DeviceFlowOptions) {}

  /** Begins a sign-in. @throws OAuthError, which is on record */
  async begin(request: DeviceRequest): Promise<DeviceAuthorization> {
    try {
      return await this.#begin(request);
    } catch (error) {
      if (error instanceof OAuthError) {
        await this.options.audit.record({
          kind: "authentication",
          activity: "device_authorization",
          user: { clientId: request.clientId },
          rejected: { code: error.error, detail: error.description },
        });
      }
      throw error;
    }
  }

  async #begin(
    { clientId, scope, resources, address, sender }: DeviceRequest,
  ): Promise<DeviceAuthorization> {
    const { store, liveClients, targets, url } = this.options;
    if (!DEVICE_CLIENTS.has(clientId)) throw unknownDevice();
    targets.assertResources(resources);
    if (scope.length > SCOPE_CHARS_MAX) {
      throw new OAuthError("invalid_scope", `scope has more than ${SCOPE_CHARS_MAX} characters`);
    }
    const roles = await rolesOfScope(scope, liveClients, store.read.identity) ?? [];
    const now = Date.now();
    const deviceCode = newDeviceCode();
    const userCode = await store.writeLocked([locks.deviceCodes], async (tx) => {
      const ended = new Date(now - DEVICE_CODE_GRACE_MS).toISOString();
      await tx.expired.erase("device_codes", ended, DEVICE_CODES_MAX);
      await assertBelowLimits(tx, sender);
      for (;;) {
        const code = newUserCode();
        const isNew = await tx.deviceCodes.insert({
          deviceCodeHash: deviceCodeHash(deviceCode),
          userCodeHash: this.#hashOf(lettersOf(code)),
          clientId,
          scopedRoles: JSON.stringify(roles),
          address,
          sender,
          state: "pending",
          principalId: null,
          approverClientId: null,
          createdAt: new Date(now).toISOString(),
          expiresAt: new Date(now + DEVICE_CODE_LIFETIME_MS).toISOString(),
        });
        if (isNew) return code;
      }
    });
    return {
      deviceCode,
      userCode,
      verificationUri: `${url}/device`,
      verificationUriComplete: `${url}/device?user_code=${userCode}`,
      expiresInSeconds: DEVICE_CODE_LIFETIME_MS / 1000,
      intervalSeconds: POLL_INTERVAL_MS / 1000,
    };
  }

  /** The sign-in of a user code. @throws DEVICE_CODE_INVALID */
  async find(by: Principal, typed: string): Promise<PendingDevice> {
    const { deviceCodes, identity } = this.options.store.read;
    return await this.#recorded(by, "Find", async () => {
      const letters = lettersOf(typed);
      const row = pending(await deviceCodes.byUserCode(this.#hashOf(letters)));
      const { clientId, address, createdAt, expiresAt } = row;
      const roleIds = JSON.parse(row.scopedRoles) as string[];
      const custom = roleIds.length === 0 ? [] : await identity.roles(roleIds);
      return {
        userCode: shownUserCode(letters),
        clientId,
        clientName: deviceName(row),
        address,
        scopedRoles: roleIds.map((id) => ({
          id,
          displayName: [builtinRole(id), ...custom].find((role) => role?.id === id)?.displayName ??
            id,
        })),
        createdAt,
        expiresAt,
      };
    });
  }

  /**
   * Lets the device act as a principal, within the roles that the device asked for, the rights of the session, and the limits
   * of the client whose session it is.
   * @throws DEVICE_CODE_INVALID, ROLE_MISSING, CREDENTIAL_LIMIT,
   * TOKEN_INVALID if the principal or the client was disabled meanwhile
   */
  async approve(by: Principal, typed: string): Promise<void> {
    const { liveClients } = this.options;
    await this.#decide(by, "Approve", typed, async (tx, row) => {
      // For the person who reads the error; the redemption decides.
      await assertBelowCredentialLimit(tx.identity, by.id, "selfMade");
      const scopedRoles = await rolesToGive({
        ...{ liveClients, by, givable: by.access, field: "scope" },
        identity: tx.identity,
        asked: JSON.parse(row.scopedRoles) as string[],
      });
      const approver = await tx.identity.client(by.clientId);
      if (approver !== undefined && liveClients.of(approver) === undefined) throw clientGone();
      return {
        state: "approved",
        principalId: by.id,
        approverClientId: approver?.credential.clientId ?? null,
        scopedRoles: JSON.stringify(scopedRoles),
      };
    });
  }

  /** Rejects the device. @throws DEVICE_CODE_INVALID */
  async deny(by: Principal, typed: string): Promise<void> {
    await this.#decide(by, "Deny", typed, () => Promise.resolve({ state: "denied" }));
  }

  async #decide(
    by: Principal,
    verb: "Approve" | "Deny",
    typed: string,
    decisionOn: (tx: Writers, row: DeviceCodeRow) => Promise<DeviceDecision>,
  ): Promise<void> {
    const { store, audit } = this.options;
    const decide = async (tx: Writers, hash: string) => {
      const row = pending(await tx.deviceCodes.byUserCode(hash));
      const decision = await decisionOn(tx, row);
      if (!await tx.deviceCodes.decide(hash, decision)) throw codeInvalid();
      const { address: device_address, createdAt: asked_at } = row;
      await tx.audit.append(audit.entry({
        ...callOf(by, verb),
        resources: [{ type: "device", name: deviceName(row) }],
        facts: { device_address, asked_at, ...decision },
      }));
    };
    await this.#recorded(by, verb, async () => {
      const hash = this.#hashOf(lettersOf(typed));
      // Whoever disables the principal denies what is approved: an approval comes before that, or is rejected.
      await store.writeLocked([locks.ofPrincipal(by.id)], (tx) => decide(tx, hash));
    });
  }

  /** Records a code that is rejected, since somebody may be guessing, and a decision that the person may not take. */
  async #recorded<T>(by: Principal, verb: Verb, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isOnRecord = error instanceof DomainError &&
        (error.reason === "DEVICE_CODE_INVALID" || error.code === "PERMISSION_DENIED");
      if (isOnRecord) {
        const rejected = { code: error.reason, detail: error.message };
        await this.options.audit.record({ ...callOf(by, verb), resources: [], rejected });
      }
      throw error;
    }
  }

  #hashOf(letters: string): string {
    return userCodeHash(letters, this.options.userCodeKey);
  }
}

/** @throws DEVICE_CODE_INVALID for a text that is no user code */
function lettersOf(typed: string): string {
  const letters = userCodeOf(typed);
  if (letters === undefined) throw codeInvalid();
  return letters;
}

/** @throws OAuthError if too many codes exist */
async function assertBelowLimits(tx: Writers, sender: string): Promise<void> {
  const { total, ofSender } = await tx.deviceCodes.count(sender);
  const isSenderFull = ofSender >= DEVICE_CODES_OF_SENDER_MAX;
  if (!isSenderFull && total < DEVICE_CODES_MAX) return;
  const keptMs = DEVICE_CODE_LIFETIME_MS + DEVICE_CODE_GRACE_MS;
  const [who, most] = isSenderFull
    ? ["this address", DEVICE_CODES_OF_SENDER_MAX] as const
    : ["the devices of this server", DEVICE_CODES_MAX] as const;
  throw new OAuthError(
    "temporarily_unavailable",
    `${who} may begin ${countOf(most, "sign-in")} within ${formatDuration(keptMs)}`,
    undefined,
    keptMs / 1000,
  );
}

type Verb = "Find" | "Approve" | "Deny";

function callOf(actor: Principal, verb: Verb) {
  const activity = verb === "Find" ? "read" : "update";
  return { kind: "call", operation: `invoked.DeviceService.${verb}`, activity, actor } as const;
}

/** @throws DEVICE_CODE_INVALID for a sign-in that is unknown, decided or expired */
function pending(row: DeviceCodeRow | undefined): DeviceCodeRow {
  if (row === undefined || row.state !== "pending" || hasExpired(row)) throw codeInvalid();
  return row;
}
