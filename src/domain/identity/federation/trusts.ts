import {
  TRUST_FIELDS,
  TRUST_RULES,
  TRUST_SETTINGS,
  type TrustSettings,
} from "../../../resources/federation.ts";
import { CREDENTIAL_SETTINGS } from "../../../resources/principals.ts";
import type { TrustRow } from "../../../store/federation.ts";
import type { Store, Writers } from "../../../store/mod.ts";
import { invalid, notFound } from "../../errors.ts";
import type { Ids } from "../../ids.ts";
import type { KeySets } from "../../key_sets.ts";
import { locks } from "../../locks.ts";
import type { ListPage, PageQuery, Pages } from "../../paging.ts";
import { changedColumns, columnsOf } from "../../resource.ts";
import { namedFields, type UpdateMask } from "../../update_mask.ts";
import { assertBelowCredentialLimit } from "../credential_limit.ts";
import { NEW_CREDENTIAL, newClientId } from "../credentials.ts";
import { endSessionsOfClient } from "../endings.ts";
import type { LiveClients } from "../live_clients.ts";
import { assertKeepsKey } from "../maker_limits.ts";
import { sourceNetworks } from "../source_networks.ts";
import type { Principal } from "../principal.ts";
import { servicePrincipal, writeCredentials } from "../principal_changes.ts";
import { assertMayGive } from "../rights.ts";
import { compileCondition, ConditionError } from "./conditions.ts";
import { providerOf } from "./providers.ts";
import { checkToken, type TokenCheck } from "./subject_token.ts";

/** What a new trust is. */
interface NewTrust extends TrustSettings {
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
   * @throws PRINCIPAL_NOT_FOUND, INVALID_FIELD, ROLE_MISSING, CREDENTIAL_LIMIT
   */
  async create(by: Principal, principalId: string, spec: NewTrust): Promise<TrustRow> {
    const { providerId, ...settings } = spec;
    const description = "must not be that of the caller, since workloads prove no key";
    assertKeepsKey(by, principalId, { field: "servicePrincipalId", description });
    await assertCondition(spec.conditionExpression, "conditionExpression");
    const { ids, host } = this.parts;
    const { id, time } = ids.nextWithTime();
    const clientId = newClientId(host, "wfe");
    const roles = settings.scopedRoleIds ?? [];
    const held = [...roles.map(locks.ofRole), locks.ofProvider(providerId)];
    return await this.#write(by, principalId, "make a trust", held, async (tx) => {
      if (await tx.federation.provider(providerId) === undefined) {
        const description = `${JSON.stringify(providerId)} is not the id of a provider`;
        throw invalid({ field: "providerId", description });
      }
      await assertMayGive(this.parts.liveClients, tx.identity, by, roles, "scopedRoleIds");
      await assertBelowCredentialLimit(tx.identity, principalId, "managed");
      await tx.identity.insertCredential({
        ...NEW_CREDENTIAL,
        ...columnsOf(CREDENTIAL_SETTINGS, settings),
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
    });
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
    return page.of(await this.parts.store.read.federation.trusts(filter, page));
  }

  /** Newest first. @throws PRINCIPAL_NOT_FOUND */
  async list(principalId: string, query: PageQuery): Promise<ListPage<TrustRow>> {
    await servicePrincipal(this.parts.store.read, principalId);
    return await this.search({ principalId }, query);
  }

  /** @throws TRUST_NOT_FOUND */
  async get(principalId: string, clientId: string): Promise<TrustRow> {
    return await trustOf(this.parts.store.read, principalId, clientId);
  }

  /** @throws PRINCIPAL_NOT_FOUND, TRUST_NOT_FOUND, INVALID_FIELD, ROLE_MISSING */
  async update(
    by: Principal,
    principalId: string,
    clientId: string,
    change: TrustSettings,
    mask: UpdateMask | undefined,
  ): Promise<TrustRow> {
    const fields = namedFields(mask, TRUST_FIELDS, change, "trust");
    if (fields.has("conditionExpression")) {
      const description = "must stay, since workloads prove no key";
      assertKeepsKey(by, principalId, { field: "trust.conditionExpression", description });
      await assertCondition(change.conditionExpression ?? "", "trust.conditionExpression");
    }
    const roles = fields.has("scopedRoleIds") ? change.scopedRoleIds ?? [] : [];
    const held = roles.map(locks.ofRole);
    return await this.#write(by, principalId, "change a trust", held, async (tx) => {
      const before = await trustOf(tx, principalId, clientId);
      const { id } = before;
      tx.audit.keepEarlier("credentials", before);
      tx.audit.keepEarlier("federationTrusts", before);
      await assertMayGive(this.parts.liveClients, tx.identity, by, roles, "trust.scopedRoleIds");
      // Once the trust is enabled again, nobody has a session of before.
      if (fields.has("disabled") && change.disabled === true) {
        await endSessionsOfClient(tx, { principalId, clientId });
      }
      const names = [...fields];
      const [own, rules] = [namesIn(CREDENTIAL_SETTINGS, names), namesIn(TRUST_RULES, names)];
      await tx.identity.updateCredential(id, {
        ...changedColumns(CREDENTIAL_SETTINGS, change, own),
        updatedAt: new Date().toISOString(),
      });
      if (rules.length > 0) {
        await tx.federation.updateTrust(id, changedColumns(TRUST_RULES, change, rules));
      }
      return await trustOf(tx, principalId, clientId);
    });
  }

  /** Its access tokens end at once. @throws PRINCIPAL_NOT_FOUND, TRUST_NOT_FOUND, ROLE_MISSING */
  async delete(by: Principal, principalId: string, clientId: string): Promise<void> {
    await this.#write(by, principalId, "delete a trust", [], async (tx) => {
      const { id } = await trustOf(tx, principalId, clientId);
      await endSessionsOfClient(tx, { principalId, clientId });
      const deletedAt = new Date().toISOString();
      await tx.identity.updateCredential(id, { deletedAt, updatedAt: deletedAt });
    });
  }

  /** Checks a token as an exchange would, without one. @throws TRUST_NOT_FOUND */
  async test(
    principalId: string,
    clientId: string,
    { subjectToken: token, sourceIp }: {
      readonly subjectToken: string;
      /** Empty for an unknown address. */
      readonly sourceIp: string;
    },
  ): Promise<TokenCheck> {
    const { store, audiences, keySets } = this.parts;
    const trust = await trustOf(store.read, principalId, clientId);
    const provider = await providerOf(store.read, trust.providerId);
    const address = sourceIp === "" ? undefined : sourceIp;
    const sources = sourceNetworks(JSON.parse(trust.allowSourceCidrs) as string[]);
    const checked = { token, trust, sources, provider, audiences, address, now: new Date() };
    return await checkToken(checked, keySets);
  }

  /** @param what the caller wants to do, for the message @param held locks besides that of the principal */
  #write<Result>(
    by: Principal,
    principalId: string,
    what: string,
    held: readonly string[],
    change: (tx: Writers) => Promise<Result>,
  ): Promise<Result> {
    const { store, liveClients } = this.parts;
    return writeCredentials(store, liveClients, { by, principalId, what, held }, change);
  }
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

/** @throws TRUST_NOT_FOUND for an unknown or deleted trust, and for one of another principal */
async function trustOf(
  { federation }: Pick<Store["read"], "federation">,
  principalId: string,
  clientId: string,
): Promise<TrustRow> {
  const row = await federation.trust(clientId);
  if (row?.principalId === principalId) return row;
  const why = "does not exist: the principal has no trust with this client id";
  throw notFound("TRUST_NOT_FOUND", "Trust", clientId, why);
}
