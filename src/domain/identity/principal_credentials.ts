/** Credentials of service principals, as their owners manage them. */
import {
  CREDENTIAL_FIELDS,
  CREDENTIAL_SETTINGS,
  type CredentialSettings,
} from "../../resources/principals.ts";
import type { CredentialRow, UsedCredentialRow } from "../../store/identity.ts";
import { newApiKey } from "../../shared/api_keys.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError, invalid, notFound } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { changedColumns, columnsOf } from "../resource.ts";
import { maskedFields, type UpdateMask } from "../update_mask.ts";
import { assertBelowCredentialLimit } from "./credential_limit.ts";
import { hashSecret, mintCredentials, NEW_CREDENTIAL, newClientId } from "./credentials.ts";
import { endSessionsOfClient } from "./endings.ts";
import type { LiveClients } from "./live_clients.ts";
import { assertKeepsKey } from "./maker_limits.ts";
import type { Principal } from "./principal.ts";
import { servicePrincipal, writeCredentials } from "./principal_changes.ts";
import { assertMayGive } from "./rights.ts";

type Kind = "secret" | "api_key";
const KINDS: readonly CredentialRow["kind"][] = ["secret", "api_key"] satisfies Kind[];

/** What a new credential has. */
interface NewCredential extends Omit<CredentialSettings, "disabled"> {
  readonly kind: Kind;
  readonly requireDpop: boolean;
  readonly lifetimeMs: number;
}

interface PrincipalCredentialParts {
  readonly store: Store;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly liveClients: LiveClients;
  /** Host, with its port, in the ids of new clients. */
  readonly host: string;
}

/** Makes, reads, changes and revokes the credentials of service principals. */
export class PrincipalCredentials {
  constructor(private readonly parts: PrincipalCredentialParts) {}

  /**
   * Makes a credential. Its secret, or its API key, exists in the answer alone.
   * @throws PRINCIPAL_NOT_FOUND, INVALID_FIELD, ROLE_MISSING, CREDENTIAL_LIMIT
   */
  async create(
    by: Principal,
    principalId: string,
    { kind, requireDpop, lifetimeMs, ...settings }: NewCredential,
  ): Promise<{ readonly row: UsedCredentialRow; readonly secret: string }> {
    const { ids, host, liveClients } = this.parts;
    if (kind === "api_key" && requireDpop) {
      const description =
        "callers send an API key in place of an access token, so nothing can prove a key";
      throw invalid({ field: "requireDpop", description });
    }
    if (!requireDpop) {
      const violation = kind === "api_key"
        ? { field: "kind", description: "must not be CREDENTIAL_KIND_API_KEY" }
        : { field: "requireDpop", description: "must be true" };
      assertKeepsKey(by, principalId, violation);
    }
    const { secret, record } = await newSecret(kind, host);
    const { id, time } = ids.nextWithTime();
    const createdAt = time.toISOString();
    const scopedRoles = settings.scopedRoleIds ?? [];
    const row = await this.#write(by, principalId, "make a credential", scopedRoles, async (tx) => {
      await assertMayGive(liveClients, tx.identity, by, scopedRoles, "scopedRoles");
      await assertBelowCredentialLimit(tx.identity, principalId, "managed");
      await tx.identity.insertCredential({
        ...NEW_CREDENTIAL,
        ...columnsOf(CREDENTIAL_SETTINGS, settings),
        ...record,
        kind,
        id,
        principalId,
        requireDpop: Number(requireDpop),
        createdAt,
        updatedAt: createdAt,
        expiresAt: new Date(time.getTime() + lifetimeMs).toISOString(),
        deletedAt: null,
      });
      return await credentialOf(tx, principalId, id);
    });
    return { row, secret };
  }

  /** Newest first. @throws PRINCIPAL_NOT_FOUND */
  async list(principalId: string, query: PageQuery): Promise<ListPage<UsedCredentialRow>> {
    const { store, pages } = this.parts;
    await servicePrincipal(store.read, principalId);
    const page = pages.open(["credentials", principalId], query);
    const which = { kinds: KINDS, now: new Date().toISOString() };
    return page.of(await store.read.identity.credentials(principalId, which, page));
  }

  /** @throws PRINCIPAL_NOT_FOUND, CREDENTIAL_NOT_FOUND */
  async get(principalId: string, id: string): Promise<UsedCredentialRow> {
    const { read } = this.parts.store;
    await servicePrincipal(read, principalId);
    return await credentialOf(read, principalId, id);
  }

  /**
   * Changes the masked fields. Sessions of a disabled credential end for good.
   * @throws PRINCIPAL_NOT_FOUND, CREDENTIAL_NOT_FOUND, ROLE_MISSING, INVALID_FIELD, also for whatever limits or disables the
   * credential of the request
   */
  async update(
    by: Principal,
    principalId: string,
    id: string,
    change: CredentialSettings,
    mask: UpdateMask | undefined,
  ): Promise<UsedCredentialRow> {
    const { liveClients } = this.parts;
    const fields = maskedFields(mask, CREDENTIAL_FIELDS, change);
    const roles = fields.has("scopedRoleIds") ? change.scopedRoleIds ?? [] : [];
    return await this.#write(by, principalId, "change a credential", roles, async (tx) => {
      const before = await credentialOf(tx, principalId, id);
      tx.audit.keepEarlier("credentials", before);
      const isRenamed = [...fields].every((field) => field === "displayName");
      if (!isRenamed && before.clientId === by.clientId) throw ownCredential("change");
      await assertMayGive(liveClients, tx.identity, by, roles, "credential.scopedRoleIds");
      if (fields.has("disabled") && change.disabled === true) {
        await endSessionsOfClient(tx, before);
      }
      await tx.identity.updateCredential(id, {
        updatedAt: new Date().toISOString(),
        ...changedColumns(CREDENTIAL_SETTINGS, change, [...fields]),
      });
      return await credentialOf(tx, principalId, id);
    });
  }

  /** Ends a credential with its access tokens and sessions. @throws as `update` */
  async revoke(by: Principal, principalId: string, id: string): Promise<void> {
    await this.#write(by, principalId, "revoke a credential", [], async (tx) => {
      const credential = await credentialOf(tx, principalId, id);
      if (credential.clientId === by.clientId) throw ownCredential("revoke");
      await endSessionsOfClient(tx, credential);
      const deletedAt = new Date().toISOString();
      await tx.identity.updateCredential(id, { deletedAt, updatedAt: deletedAt });
    });
  }

  /** @param what the caller wants to do, for the message @param roleIds that the change gives */
  #write<Result>(
    by: Principal,
    principalId: string,
    what: string,
    roleIds: readonly string[],
    change: (tx: Writers) => Promise<Result>,
  ): Promise<Result> {
    const { store, liveClients } = this.parts;
    const held = roleIds.map(locks.ofRole);
    return writeCredentials(store, liveClients, { by, principalId, what, held }, change);
  }
}

async function newSecret(kind: Kind, host: string) {
  if (kind === "secret") {
    const { credentials: { clientSecret: secret }, record } = await mintCredentials(host, "spc");
    return { secret, record };
  }
  const secret = newApiKey();
  const clientId = newClientId(host, "spc");
  return { secret, record: { clientId, secretHash: hashSecret(secret), publicJwk: "" } };
}

/** @throws CREDENTIAL_NOT_FOUND for an unknown or revoked credential, and for one of another principal */
async function credentialOf(
  { identity }: Pick<Store["read"], "identity">,
  principalId: string,
  id: string,
): Promise<UsedCredentialRow> {
  const row = await identity.credential(id);
  if (
    row !== undefined && KINDS.includes(row.kind) && row.principalId === principalId &&
    row.deletedAt === null
  ) return row;
  const why = `does not exist: service principal ${principalId} has no credential with this id`;
  throw notFound("CREDENTIAL_NOT_FOUND", "Credential", id, why);
}

/** A credential that acts on itself could lock its holder out. */
function ownCredential(what: "change" | "revoke"): DomainError {
  const description = `is the credential of this request; ${what} it with another credential`;
  return invalid({ field: "id", description });
}
