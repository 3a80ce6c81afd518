/** Namespaces of `sdk` for service principals and roles, as C1's SDK names them. Additions of this server say so. */
import type { Answered, Nothing } from "./api_request.ts";
import type { PageOf, PageRequest, RequestOptions } from "./api_types.ts";

/** A service principal. */
export interface ServicePrincipal {
  id?: string;
  displayName?: string;
  /** An addition of this server. */
  disabled?: boolean;
  /** An addition of this server. */
  roleIds?: string[];
  createdAt?: Date;
  updatedAt?: Date;
}

/** An addition of this server. */
export type CredentialKind =
  | "CREDENTIAL_KIND_UNSPECIFIED"
  | "CREDENTIAL_KIND_SECRET"
  | "CREDENTIAL_KIND_API_KEY";

/** A credential of a service principal. */
export interface ServicePrincipalCredential {
  id?: string;
  servicePrincipalId?: string;
  clientId?: string;
  displayName?: string;
  /** Empty: all rights of the principal. */
  scopedRoleIds?: string[];
  /** Empty: all addresses. */
  allowSourceCidrs?: string[];
  requireDpop?: boolean;
  /** An addition of this server. */
  kind?: CredentialKind;
  /** An addition of this server. */
  disabled?: boolean;
  /** An addition of this server. */
  neverExpires?: boolean;
  createdAt?: Date;
  updatedAt?: Date;
  expiresAt?: Date;
  lastUsedAt?: Date;
}

export interface ServicePrincipalServiceCreateCredentialRequest {
  displayName?: string;
  scopedRoles?: string[];
  allowSourceCidrs?: string[];
  /** Such as `2592000s`; at most and by default 180 days. */
  expires?: string;
  requireDpop?: boolean;
  /** An addition of this server. */
  kind?: CredentialKind;
}

export interface ServicePrincipalBindingSubject {
  functionId?: string;
}

/** A function that acts as a service principal. */
export interface ServicePrincipalBinding {
  servicePrincipalId?: string;
  /** An addition of this server. */
  subject?: ServicePrincipalBindingSubject;
  createdAt?: Date;
  updatedAt?: Date;
}

interface BindingRequest {
  servicePrincipalId?: string;
  subject?: ServicePrincipalBindingSubject;
}

interface OfServicePrincipal {
  servicePrincipalId: string;
}

/** Service principals, their credentials, and the functions that act as them. */
export interface Principal {
  list(
    request?: PageRequest,
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceListResponse", PageOf<ServicePrincipal>>;
  create(
    request?: { displayName?: string },
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceCreateResponse", { servicePrincipal?: ServicePrincipal }>;
  get(
    request: { id: string },
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceGetResponse", { servicePrincipal?: ServicePrincipal }>;
  update(
    request: {
      id: string;
      servicePrincipalServiceUpdateRequest?: {
        servicePrincipal?: ServicePrincipal;
        updateMask?: string;
      };
    },
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceUpdateResponse", { servicePrincipal?: ServicePrincipal }>;
  delete(
    request: { id: string; servicePrincipalServiceDeleteRequest?: Nothing },
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceDeleteResponse", Nothing>;
  /** Replaces the roles of a service principal. An addition of this server. */
  setRoles(
    request: { id: string; setServicePrincipalRolesRequest?: { roleIds?: string[] } },
    options?: RequestOptions,
  ): Answered<"setServicePrincipalRolesResponse", { servicePrincipal?: ServicePrincipal }>;
  listCredentials(
    request: OfServicePrincipal & PageRequest,
    options?: RequestOptions,
  ): Answered<
    "servicePrincipalServiceListCredentialsResponse",
    PageOf<ServicePrincipalCredential>
  >;
  /** `clientSecret`, which is the secret or the API key, is answered here alone. */
  createCredential(
    request: OfServicePrincipal & {
      servicePrincipalServiceCreateCredentialRequest?:
        ServicePrincipalServiceCreateCredentialRequest;
    },
    options?: RequestOptions,
  ): Answered<
    "servicePrincipalServiceCreateCredentialResponse",
    {
      credential?: ServicePrincipalCredential;
      servicePrincipalCredential?: ServicePrincipalCredential;
      clientSecret?: string;
    }
  >;
  getCredential(
    request: OfServicePrincipal & { id: string },
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceGetCredentialResponse", CredentialAnswer>;
  updateCredential(
    request: OfServicePrincipal & {
      id: string;
      servicePrincipalServiceUpdateCredentialRequest?: {
        credential?: ServicePrincipalCredential;
        updateMask?: string;
      };
    },
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceUpdateCredentialResponse", CredentialAnswer>;
  revokeCredential(
    request: OfServicePrincipal & {
      id: string;
      servicePrincipalServiceRevokeCredentialRequest?: Nothing;
    },
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceRevokeCredentialResponse", Nothing>;
  /** Binds a function, which has one principal: an earlier binding is replaced. */
  addBinding(
    request: BindingRequest,
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceAddBindingResponse", Nothing>;
  deleteBinding(
    request: BindingRequest,
    options?: RequestOptions,
  ): Answered<"servicePrincipalServiceDeleteBindingResponse", Nothing>;
  listBindings(
    request?: BindingRequest & PageRequest,
    options?: RequestOptions,
  ): Answered<
    "servicePrincipalServiceListBindingsResponse",
    { bindings?: ServicePrincipalBinding[]; nextPageToken?: string }
  >;
}

interface CredentialAnswer {
  credential?: ServicePrincipalCredential;
  servicePrincipalCredential?: ServicePrincipalCredential;
}

/** A role. */
export interface Role {
  id?: string;
  /** Such as `system:viewer`; the display name of a role that is not built-in. */
  name?: string;
  displayName?: string;
  /** Such as `permission/c1.api.auth.v1.Auth.Introspect`. */
  permissions?: string[];
  /** The functions that the permissions count for; absent: all. An addition of this server. */
  functionIds?: string[];
  serviceRoles?: string[];
  systemApiOnly?: boolean;
  systemBuiltin?: boolean;
  createdAt?: Date;
  updatedAt?: Date;
}

interface RoleAnswer {
  role?: Role;
}

/** Roles. */
export interface Roles {
  list(
    request?: PageRequest,
    options?: RequestOptions,
  ): Answered<"listRolesResponse", PageOf<Role>>;
  get(request: { roleId: string }, options?: RequestOptions): Answered<
    "getRolesResponse",
    RoleAnswer
  >;
  /** An addition of this server. */
  create(
    request?: { role?: Role },
    options?: RequestOptions,
  ): Answered<"createRoleResponse", RoleAnswer>;
  update(
    request: { roleId: string; updateRoleRequest?: { role?: Role; updateMask?: string } },
    options?: RequestOptions,
  ): Answered<"updateRoleResponse", RoleAnswer>;
  /** An addition of this server. */
  delete(request: { roleId: string }, options?: RequestOptions): Answered<
    "deleteRoleResponse",
    Nothing
  >;
}
