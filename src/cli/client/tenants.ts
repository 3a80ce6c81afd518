import { z } from "zod";
import type { Secret } from "../../config/mod.ts";
import { oneLine } from "../terminal/failure.ts";
import { oneAmong } from "./candidates.ts";
import { flag, listOf, optionalText, text } from "./fields.ts";
import { SessionClient } from "./session.ts";

const TENANTS = "/api/v1/tenants";
const TENANT = `${TENANTS}/{id}` as const;
const CREDENTIALS = `${TENANTS}/{tenant_id}/credentials` as const;
const CREDENTIAL = `${CREDENTIALS}/{id}` as const;
/** Tenants that are searched for a name: more than a server may have. */
const MAX_CANDIDATES = 1000;

const TenantCredential = z.object({
  id: z.string(),
  clientId: text,
  createdAt: optionalText,
  updatedAt: optionalText,
});
export type TenantCredential = z.output<typeof TenantCredential>;

/** A C1 tenant: an addition to C1's API. */
export const Tenant = z.object({
  id: z.string(),
  name: text,
  host: text,
  isExample: flag,
  createdAt: optionalText,
  updatedAt: optionalText,
  credentials: listOf(TenantCredential),
});
export type Tenant = z.output<typeof Tenant>;
const TenantResponse = z.object({ tenant: Tenant });
const RemoveResponse = z.object({
  functions: listOf(z.object({ id: z.string(), displayName: text })),
});
const CheckResponse = z.object({ userId: text, roles: listOf(z.string()) });

/** Id and secret of a client of a tenant. */
export interface TenantClient {
  readonly clientId: string;
  readonly clientSecret: Secret;
}

/** A client of the tenants of a server: one method for each operation. */
export class TenantApi extends SessionClient {
  /** Newest first. */
  async list(limit: number): Promise<Tenant[]> {
    return await this.session.list("Failed to list tenants", `GET ${TENANTS}`, Tenant, limit, {});
  }

  /** The tenant of a name, a host, an id, or the start of an id. @throws {Failure} */
  async find(name: string): Promise<Tenant> {
    const all = await this.list(MAX_CANDIDATES);
    const kind = { noun: "Tenant", plural: "tenants", list: "invoked tenants list" };
    const lower = name.toLowerCase();
    return all.find((one) => one.host === lower || one.name.toLowerCase() === lower) ??
      oneAmong(
        { ...kind, url: this.session.url },
        name,
        all.map((tenant) => ({ ...tenant, displayName: tenant.name })),
      );
  }

  /** @throws {ApiError} */
  async byId(id: string): Promise<Tenant> {
    const what = `Failed to read tenant ${oneLine(id)}`;
    const sent = { path: { id } };
    return (await this.session.call(what, `GET ${TENANT}`, TenantResponse, sent)).tenant;
  }

  /** @param host undefined for that of the client id; @param name empty for the name of the host */
  async add(host: string | undefined, name: string, client: TenantClient): Promise<Tenant> {
    const body = { host, name, ...revealed(client) };
    const what = `Failed to add tenant ${oneLine(host ?? client.clientId)}`;
    return (await this.session.call(what, `POST ${TENANTS}`, TenantResponse, { body })).tenant;
  }

  async addExample(name: string): Promise<Tenant> {
    const body = { isExample: true, name };
    const what = "Failed to add the example tenant";
    return (await this.session.call(what, `POST ${TENANTS}`, TenantResponse, { body })).tenant;
  }

  /** The example tenant, by whatever name; undefined without it. */
  async example(): Promise<Tenant | undefined> {
    return (await this.list(MAX_CANDIDATES)).find(({ isExample }) => isExample);
  }

  async rename({ id, name }: Tenant, newName: string): Promise<Tenant> {
    const sent = { path: { id }, body: { tenant: { name: newName }, updateMask: "name" } };
    const what = `Failed to rename tenant ${oneLine(name)}`;
    return (await this.session.call(what, `PATCH ${TENANT}`, TenantResponse, sent)).tenant;
  }

  /** Removes a tenant. @returns the functions that lost their access */
  async remove({ id, name }: Tenant, isForced: boolean) {
    const sent = { path: { id }, query: forced(isForced), body: {} };
    const what = `Failed to remove tenant ${oneLine(name)}`;
    return (await this.session.call(what, `DELETE ${TENANT}`, RemoveResponse, sent)).functions;
  }

  async addCredential({ id, name }: Tenant, client: TenantClient): Promise<Tenant> {
    const sent = { path: { tenant_id: id }, body: revealed(client) };
    const what = `Failed to add a credential to tenant ${oneLine(name)}`;
    return (await this.session.call(what, `POST ${CREDENTIALS}`, TenantResponse, sent)).tenant;
  }

  async rotate(tenant: Tenant, { id }: TenantCredential, client: TenantClient): Promise<Tenant> {
    const sent = { path: { tenant_id: tenant.id, id }, body: revealed(client) };
    const what = `Failed to rotate credential ${id} of tenant ${oneLine(tenant.name)}`;
    const operation = `POST ${CREDENTIAL}/rotate` as const;
    return (await this.session.call(what, operation, TenantResponse, sent)).tenant;
  }

  /** Removes a credential. @returns the functions that lost their access */
  async removeCredential(tenant: Tenant, { id }: TenantCredential, isForced: boolean) {
    const sent = { path: { tenant_id: tenant.id, id }, query: forced(isForced), body: {} };
    const what = `Failed to remove credential ${id} of tenant ${oneLine(tenant.name)}`;
    return (await this.session.call(what, `DELETE ${CREDENTIAL}`, RemoveResponse, sent)).functions;
  }

  /** Asks the tenant whom a credential belongs to. */
  async check(tenant: Tenant, { id }: TenantCredential) {
    const sent = { path: { tenant_id: tenant.id, id }, body: {} };
    const what = `Failed to check tenant ${oneLine(tenant.name)}`;
    return await this.session.call(what, `POST ${CREDENTIAL}/check`, CheckResponse, sent);
  }
}

function revealed({ clientId, clientSecret }: TenantClient) {
  return { clientId, clientSecret: clientSecret.reveal() };
}

function forced(isForced: boolean): { readonly force?: "true" } {
  return isForced ? { force: "true" } : {};
}
