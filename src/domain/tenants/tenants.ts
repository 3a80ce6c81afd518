import { countOf } from "../../config/mod.ts";
import { TENANT_FIELDS, type TenantSettings } from "../../resources/tenants.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Readers, Store } from "../../store/mod.ts";
import type { Sealer } from "../../store/sealing.ts";
import type { TenantCredentialRow, TenantRow } from "../../store/tenants.ts";
import { newClientSecret } from "../../tenants/client_secret.ts";
import {
  type TenantCredentials,
  TenantError,
  type TenantTransport,
} from "../../tenants/contract.ts";
import { DomainError, invalid } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { maskedFields, type UpdateMask } from "../update_mask.ts";
import {
  type ClientIn,
  clientViolations,
  EXAMPLE_HOST,
  hostViolation,
  nameOfHost,
  normalHost,
} from "./forms.ts";
import { introspect, type Introspected } from "./introspect.ts";
import { assertFree, assertName, assertUnused, tenantOf } from "./rules.ts";

/** Tenants of a server. */
const TENANTS_MAX = 100;
/** Credentials of a tenant. */
const TENANT_CREDENTIALS_MAX = 20;
/** The client of the example tenant, which accepts any. */
const EXAMPLE_CLIENT_ID = `invoked@${EXAMPLE_HOST}/spc`;

/** The credentials of a tenant, opened. */
export interface OpenedTenant extends TenantCredentials {
  /** Whether the server itself answers as the tenant. */
  readonly isExample: boolean;
}

/** A tenant with its credentials, oldest first; their secrets never leave the server. */
export interface TenantView {
  readonly row: TenantRow;
  readonly credentials: readonly TenantCredentialRow[];
}

/** A new tenant, as a request has it. */
interface NewTenant extends ClientIn {
  readonly host: string;
  /** Empty for the name of the host. */
  readonly name: string;
}

interface TenantsParts {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly pages: Pages;
  readonly ids: Ids;
  /** The client of one credential. */
  readonly transports: { of(tenant: OpenedTenant): TenantTransport };
  /** Whether the host of a tenant may be an IP address. */
  readonly allowsAddresses: boolean;
}

/** C1 tenants that functions may call, and the credentials with which the server calls them. */
export class Tenants {
  constructor(private readonly parts: TenantsParts) {}

  /**
   * The credential with which a function calls its tenant.
   * @param credentialId undefined for the oldest one
   * @throws {TenantError} TENANT_REMOVED, whose message says what was removed, and no more: TENANT_NOT_FOUND would have the
   * status with which a tenant says that a user or an app does not exist
   */
  async open(tenantId: string, credentialId: string | undefined): Promise<OpenedTenant> {
    const { tenants } = this.parts.store.read;
    const row = await tenants.get(tenantId);
    if (row === undefined) {
      throw new TenantError("TENANT_REMOVED", `tenant ${tenantId} was removed`);
    }
    const all = await tenants.credentials(tenantId);
    const credential = credentialId === undefined
      ? all[0]
      : all.find(({ id }) => id === credentialId);
    if (credential === undefined) {
      const message = `credential ${credentialId ?? ""} of tenant ${row.name} was removed`;
      throw new TenantError("TENANT_REMOVED", message);
    }
    return this.#openedTenant(row, credential);
  }

  /** Sends requests with a credential. */
  connect(tenant: OpenedTenant): TenantTransport {
    return this.parts.transports.of(tenant);
  }

  /**
   * Adds a tenant, once it has accepted the client.
   * @throws INVALID_FIELD, TENANT_ALREADY_EXISTS, TENANT_LIMIT, and as a rejected client
   */
  async create({ host: given, name: wanted, ...client }: NewTenant): Promise<TenantView> {
    const host = normalHost(given);
    const violation = hostViolation(host, this.parts.allowsAddresses);
    if (violation !== undefined) throw invalid({ field: "host", description: violation });
    const name = wanted || nameOfHost(host);
    assertName(name, "name");
    await this.#check(client, host);
    return await this.#insert({ host, name, isExample: 0 }, client);
  }

  /** Adds the example tenant. @throws INVALID_FIELD, TENANT_ALREADY_EXISTS, TENANT_LIMIT */
  async createExample(wanted: string): Promise<TenantView> {
    const name = wanted || EXAMPLE_HOST;
    assertName(name, "name");
    const client = { clientId: EXAMPLE_CLIENT_ID, clientSecret: newClientSecret() };
    return await this.#insert({ host: EXAMPLE_HOST, name, isExample: 1 }, client);
  }

  async #insert(
    columns: Pick<TenantRow, "host" | "name" | "isExample">,
    client: ClientIn,
  ): Promise<TenantView> {
    const { ids, store } = this.parts;
    const { id, time } = ids.nextWithTime();
    const now = time.toISOString();
    const row: TenantRow = { id, ...columns, createdAt: now, updatedAt: now };
    const credential = this.#sealed(id, ids.next(), client, now);
    await store.writeLocked([locks.tenantNames], async (tx) => {
      await assertFree(tx, row);
      const count = await tx.tenants.count();
      if (count >= TENANTS_MAX) {
        throw new DomainError(
          "TENANT_LIMIT",
          `Tenant not added: the server has ${
            countOf(count, "tenant")
          }, and may have at most ${TENANTS_MAX}`,
        );
      }
      await tx.tenants.insert(row);
      await tx.tenants.insertCredential(credential);
    });
    return { row, credentials: [credential] };
  }

  /** Newest first. */
  async list(query: PageQuery): Promise<ListPage<TenantView>> {
    const { pages, store: { read: { tenants } } } = this.parts;
    const page = pages.open(["tenants"], query);
    const { rows, next } = await tenants.list(page);
    const credentials = await tenants.credentialsOf(rows.map(({ id }) => id));
    return {
      list: rows.map((row) => ({
        row,
        credentials: credentials.filter(({ tenantId }) => tenantId === row.id),
      })),
      nextPageToken: page.tokenFor(next),
    };
  }

  /** @throws TENANT_NOT_FOUND */
  async get(id: string): Promise<TenantView> {
    const { read } = this.parts.store;
    return { row: await tenantOf(read, id), credentials: await read.tenants.credentials(id) };
  }

  /** Changes the masked fields. @throws TENANT_NOT_FOUND, INVALID_FIELD, TENANT_ALREADY_EXISTS */
  async update(
    id: string,
    change: TenantSettings,
    mask: UpdateMask | undefined,
  ): Promise<TenantView> {
    const fields = maskedFields(mask, TENANT_FIELDS, change);
    const { name = "" } = change;
    if (fields.has("name")) assertName(name, "tenant.name");
    await this.parts.store.writeLocked([locks.tenantNames, locks.ofTenant(id)], async (tx) => {
      const before = await tenantOf(tx, id);
      if (!fields.has("name")) return;
      await assertFree(tx, { ...before, name });
      await tx.tenants.update(id, { name, updatedAt: new Date().toISOString() });
    });
    return await this.get(id);
  }

  /**
   * Removes a tenant with its credentials.
   * @param isForced whether functions may use the tenant: their calls fail from then on
   * @returns the functions that use the tenant
   * @throws TENANT_NOT_FOUND, TENANT_IN_USE
   */
  async delete(id: string, isForced: boolean): Promise<readonly FunctionRow[]> {
    return await this.parts.store.writeLocked(
      [locks.tenantNames, locks.ofTenant(id)],
      async (tx) => {
        const { name } = await tenantOf(tx, id);
        const users = await tx.functions.ofTenant(id);
        if (!isForced) assertUnused(`Tenant ${name}`, users);
        // One by one: the audit log names each.
        for (const credential of await tx.tenants.credentials(id)) {
          await tx.tenants.deleteCredential(credential.id);
        }
        await tx.tenants.delete(id);
        return users;
      },
    );
  }

  /** Adds a credential, once the tenant has accepted it. @throws as {@link rotateCredential}, TENANT_LIMIT */
  async addCredential(tenantId: string, client: ClientIn): Promise<TenantView> {
    const { store, ids } = this.parts;
    await this.#checkFor(tenantId, client);
    const { id, time } = ids.nextWithTime();
    const credential = this.#sealed(tenantId, id, client, time.toISOString());
    await store.writeLocked([locks.ofTenant(tenantId)], async (tx) => {
      const { name } = await tenantOf(tx, tenantId);
      const { length } = await tx.tenants.credentials(tenantId);
      if (length >= TENANT_CREDENTIALS_MAX) {
        throw new DomainError(
          "TENANT_LIMIT",
          `Credential not added: tenant ${name} has ${
            countOf(length, "credential")
          }, and may have at most ` +
            TENANT_CREDENTIALS_MAX,
        );
      }
      await tx.tenants.insertCredential(credential);
    });
    return await this.get(tenantId);
  }

  /**
   * Replaces the client of a credential, once the tenant has accepted the new one. Functions keep the credential.
   * @throws TENANT_NOT_FOUND, TENANT_IS_EXAMPLE, INVALID_FIELD, and as a rejected client
   */
  async rotateCredential(
    tenantId: string,
    credentialId: string,
    client: ClientIn,
  ): Promise<TenantView> {
    await this.#credential(this.parts.store.read, tenantId, credentialId);
    await this.#checkFor(tenantId, client);
    const now = new Date().toISOString();
    const { clientId, sealedSecret } = this.#sealed(tenantId, credentialId, client, now);
    await this.parts.store.writeLocked([locks.ofTenant(tenantId)], async (tx) => {
      const before = await this.#credential(tx, tenantId, credentialId);
      tx.audit.keepEarlier("tenantCredentials", before);
      await tx.tenants.updateCredential(credentialId, { clientId, sealedSecret, updatedAt: now });
    });
    return await this.get(tenantId);
  }

  /**
   * Removes a credential. The oldest one stays: functions that name none would get the rights of another.
   * @param isForced whether functions may name the credential: their calls fail from then on
   * @returns the functions that name the credential
   * @throws TENANT_NOT_FOUND, TENANT_IN_USE
   */
  async deleteCredential(
    tenantId: string,
    credentialId: string,
    isForced: boolean,
  ): Promise<readonly FunctionRow[]> {
    return await this.parts.store.writeLocked([locks.ofTenant(tenantId)], async (tx) => {
      const { name } = await tenantOf(tx, tenantId);
      const { clientId } = await this.#credential(tx, tenantId, credentialId);
      const what = `Credential ${credentialId} (${clientId}) of tenant ${name}`;
      const [oldest] = await tx.tenants.credentials(tenantId);
      if (oldest?.id === credentialId) {
        throw new DomainError(
          "TENANT_IN_USE",
          `${what} is the oldest, and functions that name no credential use it: rotate it, or remove the tenant`,
        );
      }
      const users = (await tx.functions.ofTenant(tenantId))
        .filter(({ tenant }) => tenant?.includes(JSON.stringify(credentialId)));
      if (!isForced) assertUnused(what, users);
      await tx.tenants.deleteCredential(credentialId);
      return users;
    });
  }

  /** Asks a tenant whom a credential belongs to. @throws TENANT_NOT_FOUND, and as a rejected client */
  async check(tenantId: string, credentialId: string): Promise<Introspected> {
    const { read } = this.parts.store;
    const credential = await this.#credential(read, tenantId, credentialId);
    const opened = this.#openedTenant(await tenantOf(read, tenantId), credential);
    return await introspect(this.connect(opened), opened);
  }

  async #checkFor(tenantId: string, client: ClientIn): Promise<void> {
    const { host, isExample, name } = await tenantOf(this.parts.store.read, tenantId);
    if (isExample === 0) return await this.#check(client, host);
    throw new DomainError(
      "TENANT_IS_EXAMPLE",
      `Tenant ${name} is the example tenant, which has one credential that the server makes`,
    );
  }

  /** @throws INVALID_FIELD, and as a rejected client */
  async #check(client: ClientIn, host: string): Promise<void> {
    const [violation, ...others] = clientViolations(client, host);
    if (violation !== undefined) throw invalid(violation, ...others);
    const opened = { host, ...client, isExample: false };
    await introspect(this.connect(opened), opened);
  }

  async #credential(
    read: Pick<Readers, "tenants">,
    tenantId: string,
    credentialId: string,
  ): Promise<TenantCredentialRow> {
    const { name } = await tenantOf(read, tenantId);
    const all = await read.tenants.credentials(tenantId);
    const found = all.find(({ id }) => id === credentialId);
    if (found !== undefined) return found;
    throw new DomainError(
      "TENANT_NOT_FOUND",
      `Tenant ${name} has no credential ${JSON.stringify(credentialId)}`,
    );
  }

  #sealed(tenantId: string, id: string, client: ClientIn, now: string): TenantCredentialRow {
    const plain = new TextEncoder().encode(client.clientSecret);
    const sealedSecret = this.parts.sealer.seal(plain, tenantSecretContext(tenantId, id));
    return {
      id,
      tenantId,
      clientId: client.clientId,
      sealedSecret,
      createdAt: now,
      updatedAt: now,
    };
  }

  #openedTenant({ host, isExample }: TenantRow, credential: TenantCredentialRow): OpenedTenant {
    const { clientId } = credential;
    return { host, clientId, clientSecret: this.#opened(credential), isExample: isExample === 1 };
  }

  #opened({ id, tenantId, sealedSecret }: TenantCredentialRow): string {
    const { store, sealer } = this.parts;
    try {
      return new TextDecoder().decode(
        sealer.open(sealedSecret, tenantSecretContext(tenantId, id)),
      );
    } catch (error) {
      store.damage.note(error);
      throw error;
    }
  }
}

/** The context that binds a sealed secret to its credential. */
export function tenantSecretContext(tenantId: string, credentialId: string): string {
  return `tenant:${tenantId}:${credentialId}`;
}
