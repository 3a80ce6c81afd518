import { z } from "zod";
import { flag, listOf, optionalText, text } from "./fields.ts";
import { oneAmong } from "./candidates.ts";
import { oneLine } from "../terminal/failure.ts";
import { SessionClient } from "./session.ts";

const PRINCIPALS = "/api/v1/service_principals";
const PRINCIPAL = `${PRINCIPALS}/{id}` as const;
const CREDENTIALS = `${PRINCIPALS}/{service_principal_id}/credentials` as const;
const CREDENTIAL = `${CREDENTIALS}/{id}` as const;
const BINDINGS = `${PRINCIPALS}/bindings` as const;
/** Principals and credentials that are searched for a name. */
const MAX_CANDIDATES = 1000;
/** Bindings of one page. */
const PAGE_SIZE = 100;
const KIND_PREFIX = "CREDENTIAL_KIND_";

/** A service principal. What is of this server alone is absent in C1's API. */
const Principal = z.object({
  id: z.string(),
  displayName: text,
  disabled: flag,
  roleIds: listOf(z.string()),
  createdAt: optionalText,
  updatedAt: optionalText,
});
export type Principal = z.output<typeof Principal>;

const Credential = z.object({
  id: z.string(),
  clientId: text,
  displayName: text,
  kind: z.string().nullish().transform((kind) => (kind ?? "SECRET").replace(KIND_PREFIX, "")),
  scopedRoleIds: listOf(z.string()),
  allowSourceCidrs: listOf(z.string()),
  requireDpop: flag,
  disabled: flag,
  neverExpires: flag,
  createdAt: optionalText,
  expiresAt: optionalText,
  lastUsedAt: optionalText,
});
export type Credential = z.output<typeof Credential>;

const PrincipalResponse = z.object({ servicePrincipal: Principal });
const CredentialResponse = z.object({ credential: Credential });
const MadeCredential = CredentialResponse.extend({ clientSecret: z.string() });
const Nothing = z.unknown();

const Binding = z.object({
  servicePrincipalId: z.string(),
  subject: z.object({ functionId: text }).nullish(),
});
const BindingsResponse = z.object({ bindings: listOf(Binding), nextPageToken: text });

/** What a new credential has. */
interface CredentialSpec {
  readonly displayName: string;
  readonly scopedRoles: readonly string[];
  readonly allowSourceCidrs: readonly string[];
  readonly requireDpop: boolean;
  readonly isApiKey: boolean;
  /** Undefined for the server's default. */
  readonly lifetimeMs: number | undefined;
}

/** The fields of a credential that an update sets. */
interface CredentialChange {
  readonly displayName?: string;
  readonly scopedRoleIds?: readonly string[];
  readonly allowSourceCidrs?: readonly string[];
  readonly disabled?: boolean;
}

/** A client of the service principals of a server: one method for each operation. */
export class PrincipalApi extends SessionClient {
  /** Newest first. */
  async list(limit: number): Promise<Principal[]> {
    const what = "Failed to list service principals";
    return await this.session.list(what, `GET ${PRINCIPALS}`, Principal, limit, {});
  }

  /** The principal of a name, an id, or the start of an id. @throws {Failure} */
  async find(nameOrId: string): Promise<Principal> {
    const kind = { noun: "Service principal", plural: "service principals" };
    const list = "invoked principals list";
    return oneAmong(
      { ...kind, list, url: this.session.url },
      nameOrId,
      await this.list(MAX_CANDIDATES),
    );
  }

  async byId(id: string): Promise<Principal> {
    const what = `Failed to read service principal ${id}`;
    const sent = { path: { id } };
    return (await this.session.call(what, `GET ${PRINCIPAL}`, PrincipalResponse, sent))
      .servicePrincipal;
  }

  async create(displayName: string): Promise<Principal> {
    const what = `Failed to create service principal ${JSON.stringify(oneLine(displayName))}`;
    const sent = { body: { displayName } };
    return (await this.session.call(what, `POST ${PRINCIPALS}`, PrincipalResponse, sent))
      .servicePrincipal;
  }

  async update(
    { id, displayName }: Principal,
    change: { readonly displayName?: string; readonly disabled?: boolean },
  ): Promise<Principal> {
    const what = `Failed to change service principal ${oneLine(displayName)}`;
    const body = { servicePrincipal: change, updateMask: Object.keys(change).join(",") };
    const sent = { path: { id }, body };
    return (await this.session.call(what, `PATCH ${PRINCIPAL}`, PrincipalResponse, sent))
      .servicePrincipal;
  }

  /** Replaces the roles of a principal. An addition to C1's API. */
  async setRoles({ id, displayName }: Principal, roleIds: readonly string[]): Promise<Principal> {
    const what = `Failed to set the roles of service principal ${oneLine(displayName)}`;
    const sent = { path: { id }, body: { roleIds: [...roleIds] } };
    return (await this.session.call(what, `POST ${PRINCIPAL}/roles`, PrincipalResponse, sent))
      .servicePrincipal;
  }

  async delete({ id, displayName }: Principal): Promise<void> {
    const what = `Failed to delete service principal ${oneLine(displayName)}`;
    await this.session.call(what, `DELETE ${PRINCIPAL}`, Nothing, { path: { id }, body: {} });
  }

  /** Newest first. */
  async credentials({ id, displayName }: Principal, limit: number): Promise<Credential[]> {
    const what = `Failed to list the credentials of ${oneLine(displayName)}`;
    const sent = { path: { service_principal_id: id } };
    return await this.session.list(what, `GET ${CREDENTIALS}`, Credential, limit, sent);
  }

  /** The credential of a name, an id, the start of an id, or a client id. @throws {Failure} */
  async findCredential(principal: Principal, nameOrId: string): Promise<Credential> {
    const credentials = await this.credentials(principal, MAX_CANDIDATES);
    const byClientId = credentials.find(({ clientId }) => clientId === nameOrId);
    if (byClientId !== undefined) return byClientId;
    const kind = { noun: "Credential", plural: "credentials" };
    const list = `invoked credentials list ${principal.id}`;
    return oneAmong({ ...kind, list, url: this.session.url }, nameOrId, credentials);
  }

  async createCredential(
    { id, displayName }: Principal,
    { isApiKey, lifetimeMs, scopedRoles, allowSourceCidrs, ...spec }: CredentialSpec,
  ) {
    const what = `Failed to create a credential of ${oneLine(displayName)}`;
    return await this.session.call(what, `POST ${CREDENTIALS}`, MadeCredential, {
      path: { service_principal_id: id },
      body: {
        ...spec,
        scopedRoles: [...scopedRoles],
        allowSourceCidrs: [...allowSourceCidrs],
        expires: lifetimeMs === undefined ? undefined : `${lifetimeMs / 1000}s`,
        kind: isApiKey ? "CREDENTIAL_KIND_API_KEY" : undefined,
      },
    });
  }

  async updateCredential(
    { id: service_principal_id }: Principal,
    { id, displayName }: Credential,
    { scopedRoleIds, allowSourceCidrs, ...change }: CredentialChange,
  ): Promise<Credential> {
    const credential = {
      ...change,
      ...scopedRoleIds === undefined ? {} : { scopedRoleIds: [...scopedRoleIds] },
      ...allowSourceCidrs === undefined ? {} : { allowSourceCidrs: [...allowSourceCidrs] },
    };
    const what = `Failed to change credential ${oneLine(displayName) || id}`;
    const body = { credential, updateMask: Object.keys(credential).join(",") };
    const sent = { path: { service_principal_id, id }, body };
    return (await this.session.call(what, `PATCH ${CREDENTIAL}`, CredentialResponse, sent))
      .credential;
  }

  async revokeCredential(
    { id: service_principal_id }: Principal,
    { id, displayName }: Credential,
  ): Promise<void> {
    const what = `Failed to revoke credential ${oneLine(displayName) || id}`;
    const sent = { path: { service_principal_id, id }, body: {} };
    await this.session.call(what, `DELETE ${CREDENTIAL}`, Nothing, sent);
  }

  async bind({ id, displayName }: Principal, functionId: string): Promise<void> {
    const what = `Failed to bind the function to ${oneLine(displayName)}`;
    const body = { servicePrincipalId: id, subject: { functionId } };
    await this.session.call(what, `POST ${BINDINGS}`, Nothing, { body });
  }

  async unbind(servicePrincipalId: string, functionId: string): Promise<void> {
    const body = { servicePrincipalId, subject: { functionId } };
    const what = "Failed to remove the binding of the function";
    await this.session.call(what, `POST ${BINDINGS}/delete`, Nothing, { body });
  }

  /** The id of the principal that a function is bound to; undefined for none. */
  async boundTo(functionId: string): Promise<string | undefined> {
    const what = "Failed to read the binding of the function";
    const sent = { body: { subject: { functionId } } };
    const { bindings } = await this.session.call(
      what,
      `POST ${BINDINGS}/list`,
      BindingsResponse,
      sent,
    );
    return bindings[0]?.servicePrincipalId;
  }

  /** Ids of the functions that are bound to a principal, newest function first. An addition to C1's API. */
  async functionsOf({ id: servicePrincipalId, displayName }: Principal): Promise<string[]> {
    const what = `Failed to list the functions of ${oneLine(displayName)}`;
    return await this.session.all(MAX_CANDIDATES, async (pageToken) => {
      const body = { servicePrincipalId, pageSize: PAGE_SIZE, pageToken };
      const { bindings, nextPageToken } = await this.session.call(
        what,
        `POST ${BINDINGS}/list`,
        BindingsResponse,
        { body },
      );
      return { list: bindings.map(({ subject }) => subject?.functionId ?? ""), nextPageToken };
    });
  }
}
