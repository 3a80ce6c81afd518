import {
  PROVIDER_FIELDS,
  PROVIDER_SETTINGS,
  type ProviderSettings,
} from "../../../resources/federation.ts";
import type { ProviderRow } from "../../../store/federation.ts";
import type { Store, Writers } from "../../../store/mod.ts";
import { DomainError, notFound } from "../../errors.ts";
import type { Ids } from "../../ids.ts";
import { locks } from "../../locks.ts";
import type { ListPage, PageQuery, Pages } from "../../paging.ts";
import { changedColumns, columnsOf } from "../../resource.ts";
import { namedFields, type UpdateMask } from "../../update_mask.ts";
import type { LiveClients } from "../live_clients.ts";
import type { Principal } from "../principal.ts";
import { assertCoversPrincipal } from "../rights.ts";

/** What a new provider is. */
interface NewProvider extends ProviderSettings {
  readonly issuerUrl: string;
  readonly wellKnownProvider: ProviderRow["wellKnownProvider"];
}

/** Providers of workload identities: issuers of OpenID Connect whose tokens trusts accept. */
export class FederationProviders {
  constructor(
    private readonly store: Store,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly liveClients: LiveClients,
  ) {}

  /** @throws PROVIDER_ALREADY_EXISTS for an issuer that another provider has */
  async create({ issuerUrl, wellKnownProvider, ...settings }: NewProvider): Promise<ProviderRow> {
    const { id, time } = this.ids.nextWithTime();
    const row: ProviderRow = {
      id,
      ...columnsOf(PROVIDER_SETTINGS, settings),
      issuerUrl,
      wellKnownProvider,
      createdAt: time.toISOString(),
      updatedAt: time.toISOString(),
    };
    return await this.store.writeLocked([locks.issuers], async (tx) => {
      const other = await tx.federation.providerOfIssuer(issuerUrl);
      if (other !== undefined) {
        throw new DomainError(
          "PROVIDER_ALREADY_EXISTS",
          `Provider ${other.displayName} (${other.id}) has the issuer ${issuerUrl} already`,
        );
      }
      await tx.federation.insertProvider(row);
      return row;
    });
  }

  /** Newest first. */
  async list(query: PageQuery): Promise<ListPage<ProviderRow>> {
    const page = this.pages.open(["federation providers"], query);
    return page.of(await this.store.read.federation.providers(page));
  }

  /** @throws PROVIDER_NOT_FOUND */
  async get(id: string): Promise<ProviderRow> {
    return await providerOf(this.store.read, id);
  }

  /**
   * Changes the masked fields. The issuer never changes: trusts were made for its workloads. Who disables or enables a
   * provider takes all its workloads' access, or gives it back, and needs every right of the principals of its trusts.
   * @throws PROVIDER_NOT_FOUND, INVALID_FIELD, ROLE_MISSING
   */
  async update(
    by: Principal,
    id: string,
    change: ProviderSettings,
    mask: UpdateMask | undefined,
  ): Promise<ProviderRow> {
    const fields = namedFields(mask, PROVIDER_FIELDS, change, "provider");
    return await this.store.writeLocked([locks.ofProvider(id)], async (tx) => {
      const before = await providerOf(tx, id);
      const disabled = Number(change.disabled ?? false);
      if (fields.has("disabled") && disabled !== before.disabled) {
        await this.#assertCoversTrusts(tx, by, before, disabled === 1 ? "disable" : "enable");
      }
      tx.audit.keepEarlier("federationProviders", before);
      await tx.federation.updateProvider(id, {
        ...changedColumns(PROVIDER_SETTINGS, change, [...fields]),
        updatedAt: new Date().toISOString(),
      });
      return await providerOf(tx, id);
    });
  }

  /** @throws PROVIDER_NOT_FOUND, PROVIDER_IN_USE while it has trusts */
  async delete(id: string): Promise<void> {
    await this.store.writeLocked([locks.ofProvider(id)], async (tx) => {
      const { displayName } = await providerOf(tx, id);
      const page = { size: TRUSTS_NAMED_MAX, after: undefined };
      const { rows, next } = await tx.federation.trusts({ providerId: id }, page);
      if (rows.length > 0) {
        const names = rows.map((trust) => `${trust.displayName} (${trust.clientId})`).join(", ");
        throw new DomainError(
          "PROVIDER_IN_USE",
          `Provider ${displayName} has trusts: ${names}${
            next === undefined ? "" : " and more"
          }; delete these first`,
        );
      }
      await tx.federation.deleteProvider(id);
    });
  }

  /** The write holds `locks.ofProvider`, so no trust is made meanwhile. @throws ROLE_MISSING */
  async #assertCoversTrusts(
    { federation, identity }: Writers,
    by: Principal,
    { id, displayName }: ProviderRow,
    verb: string,
  ): Promise<void> {
    const checked = new Set<string>();
    let after: string | undefined;
    do {
      const page = await federation.trusts({ providerId: id }, { size: TRUSTS_READ_MAX, after });
      for (const { principalId } of page.rows) {
        if (checked.has(principalId)) continue;
        checked.add(principalId);
        const what = `${verb} provider ${displayName}`;
        await assertCoversPrincipal(this.liveClients, identity, by, principalId, what);
      }
      after = page.next;
    } while (after !== undefined);
  }
}

/** Trusts that one statement reads. */
const TRUSTS_READ_MAX = 100;
/** Trusts that one message names. */
const TRUSTS_NAMED_MAX = 10;

/** @throws PROVIDER_NOT_FOUND */
export async function providerOf(
  { federation }: Pick<Store["read"], "federation">,
  id: string,
): Promise<ProviderRow> {
  const row = await federation.provider(id);
  if (row !== undefined) return row;
  throw notFound("PROVIDER_NOT_FOUND", "Provider", id);
}
