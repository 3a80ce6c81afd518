import {
  TRUST_CREDENTIAL,
  TRUST_FIELDS,
  TRUST_RULES,
  TRUST_SETTINGS,
  type TrustSettings,
} from "../../../resources/federation.ts";
import type { TrustRow } from "../../../store/federation.ts";
import type { Store, Writers } from "../../../store/mod.ts";
import { DomainError, invalid } from "../../errors.ts";
import type { Ids } from "../../ids.ts";
import type { KeySets } from "../../key_sets.ts";
import { locks } from "../../locks.ts";
import type { ListPage, PageQuery, Pages } from "../../paging.ts";
import { changedColumns, columnsOf } from "../../resource.ts";
import { maskedFields, type UpdateMask } from "../../update_mask.ts";
import { NEW_CREDENTIAL, newClientId } from "../credentials.ts";
import type { LiveClients } from "../live_clients.ts";
import type { Principal } from "../principal.ts";
import { assertCoversPrincipal, assertMayGive } from "../rights.ts";
import { compileCondition, ConditionError } from "./conditions.ts";
import { providerOf } from "./providers.ts";
import { type Examination, examine } from "./subject_token.ts";

/** What a new trust is. */
export interface NewTrust extends TrustSettings {
  readonly providerId: string;
  readonly conditionExpression: string;
}

interface TrustParts {
  readonly store: Store;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly liveClients: LiveClients;
  readonly keySets: KeySets;
  /** Host, with its port, in the client ids of new trusts. */
  readonly host: string;
  /** What the tokens of workloads may name as their audience. */
  readonly audiences: readonly string[];
}

/** Trusts: each lets workloads of a provider act as a service principal, if their token meets the trust's condition. */
export class FederationTrusts {
  constructor(private readonly parts: TrustParts) {}

  /**
   * Makes a trust. Its client id is no secret.
   * @throws PRINCIPAL_NOT_FOUND, INVALID_FIELD, ROLE_MISSING
   */
  async create(by: Principal, principalId: string, spec: NewTrust): Promise<TrustRow> {
    const { providerId, ...settings } = spec;
    await assertCondition(spec.conditionExpression, "conditionExpression");
    const { store, ids, host } = this.parts;
    const { id, time } = ids.nextWithTime();
    const clientId = newClientId(host, "wfe");
    return await store.write(
      async (tx) => {
        await assertServicePrincipal(tx, principalId);
        if (await tx.federation.provider(providerId) === undefined) {
          const description = `${JSON.stringify(providerId)} is not the id of a provider`;
          throw invalid({ field: "providerId", description });
        }
        await this.#assertMayGrant(
          tx,
          by,
          principalId,
          settings.scopedRoleIds ?? [],
          "scopedRoleIds",
        );
        await tx.identity.insertCredential({
          ...NEW_CREDENTIAL,
          ...columnsOf(TRUST_CREDENTIAL, settings),
          kind: "trust",
          secretHash: "",
          publicJwk: "",
          id,
          clientId,
          principalId,
          createdAt: time.toISOString(),
          updatedAt: time.toISOString(),
          expiresAt: null,
          deletedAt: null,
        });
        await tx.federation.insertTrust({ id, providerId, ...columnsOf(TRUST_RULES, settings) });
        return await trustOf(tx, principalId, clientId);
      },
      "durable",
      [locks.ofPrincipal(principalId), locks.ofProvider(providerId)],
    );
  }

  /** Trusts of all principals that match, newest first. */
  async search(
    filter: {
      readonly principalId?: string;
      readonly providerId?: string;
      readonly query?: string;
    },
    query: PageQuery,
  ): Promise<ListPage<TrustRow>> {
    const page = this.parts.pages.open(["federation trusts", filter], query);
    const { rows, next } = await this.parts.store.read.federation.trusts(filter, page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }

  /** Newest first. @throws PRINCIPAL_NOT_FOUND */
  async list(principalId: string, query: PageQuery): Promise<ListPage<TrustRow>> {
    await assertServicePrincipal(this.parts.store.read, principalId);
    return await this.search({ principalId }, query);
  }

  /** @throws TRUST_NOT_FOUND */
  async get(principalId: string, clientId: string): Promise<TrustRow> {
    return await trustOf(this.parts.store.read, principalId, clientId);
  }

  /**
   * Whoever changes the condition chooses who acts as the principal, so this needs the same rights as a new trust.
   * @throws TRUST_NOT_FOUND, INVALID_FIELD, ROLE_MISSING
   */
  async update(
    by: Principal,
    principalId: string,
    clientId: string,
    change: TrustSettings,
    mask: UpdateMask | undefined,
  ): Promise<TrustRow> {
    const given = TRUST_FIELDS.filter((field) => change[field] !== undefined);
    const fields = maskedFields(mask, TRUST_FIELDS, given);
    if (fields.has("displayName") && !change.displayName) {
      throw invalid({ field: "trust.displayName", description: "must not be empty" });
    }
    if (fields.has("conditionExpression")) {
      await assertCondition(change.conditionExpression ?? "", "trust.conditionExpression");
    }
    return await this.parts.store.write(
      async (tx) => {
        const { id, scopedRoles } = await trustOf(tx, principalId, clientId);
        const roles = fields.has("scopedRoleIds")
          ? change.scopedRoleIds ?? []
          : JSON.parse(scopedRoles) as string[];
        if (!isOnlyDisabling(fields, change)) {
          await this.#assertMayGrant(tx, by, principalId, roles, "trust.scopedRoleIds");
        }
        const names = [...fields];
        const [own, rules] = [namesIn(TRUST_CREDENTIAL, names), namesIn(TRUST_RULES, names)];
        await tx.identity.updateCredential(id, {
          ...changedColumns(TRUST_CREDENTIAL, change, own),
          updatedAt: new Date().toISOString(),
        });
        if (rules.length > 0) {
          await tx.federation.updateTrust(id, changedColumns(TRUST_RULES, change, rules));
        }
        return await trustOf(tx, principalId, clientId);
      },
      "durable",
      [locks.ofPrincipal(principalId)],
    );
  }

  /** Its access tokens end at once. @throws TRUST_NOT_FOUND */
  async delete(principalId: string, clientId: string): Promise<void> {
    await this.parts.store.write(
      async (tx) => {
        const { id } = await trustOf(tx, principalId, clientId);
        const deletedAt = new Date().toISOString();
        await tx.identity.updateCredential(id, { deletedAt, updatedAt: deletedAt });
      },
      "durable",
      [locks.ofPrincipal(principalId)],
    );
  }

  /** Examines a token as an exchange would, without one. @throws TRUST_NOT_FOUND */
  async test(
    principalId: string,
    clientId: string,
    { subjectToken: token, sourceIp }: {
      readonly subjectToken: string;
      /** Empty for an unknown address. */
      readonly sourceIp: string;
    },
  ): Promise<Examination> {
    const { store, audiences, keySets } = this.parts;
    const trust = await trustOf(store.read, principalId, clientId);
    const provider = await providerOf(store.read, trust.providerId);
    const address = sourceIp === "" ? undefined : sourceIp;
    const now = new Date();
    return await examine({ token, trust, provider, audiences, address, now }, keySets);
  }

  /** @param roleIds that cut the rights of the trust; empty for all rights of its principal */
  async #assertMayGrant(
    tx: Writers,
    by: Principal,
    principalId: string,
    roleIds: readonly string[],
    field: string,
  ): Promise<void> {
    const { liveClients } = this.parts;
    if (roleIds.length > 0) {
      return await assertMayGive(liveClients, tx.identity, by, roleIds, field);
    }
    await assertCoversPrincipal(liveClients, tx.identity, by, principalId, "let workloads act");
  }
}

/** Whoever may manage trusts may stop each of them. */
function isOnlyDisabling(fields: ReadonlySet<string>, change: TrustSettings): boolean {
  return fields.size === 1 && fields.has("disabled") && change.disabled === true;
}

function namesIn<F extends object>(
  fields: F,
  names: readonly (keyof typeof TRUST_SETTINGS)[],
): (keyof F & string)[] {
  return names.filter((name) => Object.hasOwn(fields, name)) as string[] as (keyof F & string)[];
}

/** @throws INVALID_FIELD */
async function assertCondition(expression: string, field: string): Promise<void> {
  try {
    await compileCondition(expression);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    throw invalid({ field, description: error.message });
  }
}

/** @throws PRINCIPAL_NOT_FOUND, also for a person: people sign in */
async function assertServicePrincipal(
  { identity }: Pick<Store["read"], "identity">,
  id: string,
): Promise<void> {
  const row = await identity.principal(id);
  if (row?.principal.kind === "service" && row.principal.deletedAt === null) return;
  throw new DomainError(
    "PRINCIPAL_NOT_FOUND",
    `Service principal ${JSON.stringify(id)} does not exist`,
  );
}

/** @throws TRUST_NOT_FOUND for an unknown or deleted trust, and for one of another principal */
async function trustOf(
  { federation }: Pick<Store["read"], "federation">,
  principalId: string,
  clientId: string,
): Promise<TrustRow> {
  const row = await federation.trust(clientId);
  if (row?.principalId === principalId) return row;
  throw new DomainError(
    "TRUST_NOT_FOUND",
    `Trust ${
      JSON.stringify(clientId)
    } does not exist: the principal has no trust with this client id`,
  );
}
