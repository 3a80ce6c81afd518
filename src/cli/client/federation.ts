import { z } from "zod";
import { oneLine } from "../terminal/failure.ts";
import { oneAmong } from "./candidates.ts";
import { flag, listOf, maybe, optionalText, text } from "./fields.ts";
import { readPrincipal } from "./principal.ts";
import { PAGE_SIZE, pageOf, SessionClient } from "./session.ts";

const PROVIDERS = "/api/v1/workload_federation/providers";
const TRUSTS = "/api/v1/service_principals/{service_principal_id}/trusts";
const TRUST = `${TRUSTS}/{client_id}` as const;
const SEARCH = "POST /api/v1/search/workload_federation_trusts";
/** Items that are searched for a name. */
const MAX_CANDIDATES = 1000;

/** A provider of workload identities. */
export const Provider = z.object({
  id: z.string(),
  displayName: text,
  description: text,
  issuerUrl: text,
  wellKnownProvider: text,
  disabled: flag,
  createdAt: optionalText,
});
export type Provider = z.output<typeof Provider>;
const ProviderResponse = z.object({ provider: Provider });

/** A trust of a service principal in workloads of a provider. */
export const Trust = z.object({
  clientId: z.string(),
  servicePrincipalId: z.string(),
  providerId: text,
  displayName: text,
  description: text,
  conditionExpression: text,
  scopedRoleIds: listOf(z.string()),
  allowSourceCidrs: listOf(z.string()),
  passthroughClaims: listOf(z.string()),
  disabled: flag,
  createdAt: optionalText,
});
export type Trust = z.output<typeof Trust>;
const TrustResponse = z.object({ trust: Trust });

const Step = z.object({
  stepName: text,
  passed: flag,
  skipped: flag,
  expected: text,
  actual: text,
  detail: text,
});
/** How one step of a check ended. */
export type Step = z.output<typeof Step>;

const TestResponse = z.object({
  jwtDecode: maybe(Step),
  issuerMatch: maybe(Step),
  signatureValidation: maybe(Step),
  audienceValidation: maybe(Step),
  subjectValidation: maybe(Step),
  tokenFreshness: maybe(Step),
  celEvaluation: maybe(Step),
  cidrCheck: maybe(Step),
  decodedClaimsJson: text,
  overallResult: flag,
});

/** The settings of a trust that a request names. */
export interface TrustChange {
  readonly displayName?: string;
  readonly description?: string;
  readonly conditionExpression?: string;
  readonly scopedRoleIds?: string[];
  readonly allowSourceCidrs?: string[];
  readonly passthroughClaims?: string[];
  readonly disabled?: boolean;
}

/** A client of workload federation: one method for each operation. */
export class FederationApi extends SessionClient {
  /** Newest first. */
  async providers(limit: number): Promise<Provider[]> {
    const operation = `GET ${PROVIDERS}` as const;
    return await this.session.list("Failed to list providers", operation, Provider, limit, {});
  }

  /** The provider of an issuer, a name, an id, or the start of an id. @throws {Failure} */
  async findProvider(name: string): Promise<Provider> {
    const all = await this.providers(MAX_CANDIDATES);
    const kind = { noun: "Provider", plural: "providers", list: "invoked providers list" };
    return all.find(({ issuerUrl }) => issuerUrl === name) ??
      oneAmong({ ...kind, url: this.session.url }, name, all);
  }

  async createProvider(body: {
    readonly displayName: string;
    readonly description: string;
    readonly issuerUrl: string;
    readonly wellKnownProvider: WellKnownProvider;
  }): Promise<Provider> {
    const what = `Failed to create provider ${JSON.stringify(oneLine(body.displayName))}`;
    const sent = { body: { ...body, oidc: {} } };
    const operation = `POST ${PROVIDERS}` as const;
    return (await this.session.call(what, operation, ProviderResponse, sent)).provider;
  }

  async setProviderDisabled({ id, displayName }: Provider, disabled: boolean): Promise<Provider> {
    const what = `Failed to ${disabled ? "disable" : "enable"} provider ${oneLine(displayName)}`;
    const sent = { path: { id }, body: { provider: { disabled }, updateMask: "disabled" } };
    const operation = `PATCH ${PROVIDERS}/{id}` as const;
    return (await this.session.call(what, operation, ProviderResponse, sent)).provider;
  }

  async deleteProvider({ id, displayName }: Provider): Promise<void> {
    const what = `Failed to delete provider ${oneLine(displayName)}`;
    const sent = { path: { id }, body: {} };
    await this.session.call(what, `DELETE ${PROVIDERS}/{id}`, z.unknown(), sent);
  }

  /** Trusts of all service principals, newest first. @param filter ids, and text in names and descriptions */
  async trusts(
    limit: number,
    filter: { servicePrincipalId?: string; providerId?: string; query?: string } = {},
  ): Promise<Trust[]> {
    return await this.session.all(limit, (pageToken) => {
      const body = { ...filter, pageSize: PAGE_SIZE, pageToken };
      return this.session.call("Failed to list trusts", SEARCH, pageOf(Trust), { body });
    });
  }

  /** The trust of a client id or a name. @throws {Failure} */
  async findTrust(name: string): Promise<Trust> {
    const found = await this.trusts(MAX_CANDIDATES, { query: name });
    const kind = { noun: "Trust", plural: "trusts", list: "invoked trusts list" };
    const all = found.map((trust) => ({ ...trust, id: trust.clientId }));
    return oneAmong({ ...kind, url: this.session.url }, name, all);
  }

  /** @param principalId undefined for the principal of the credentials */
  async createTrust(
    principalId: string | undefined,
    settings: TrustChange & {
      readonly displayName: string;
      readonly providerId: string;
      readonly conditionExpression: string;
    },
  ): Promise<Trust> {
    const what = `Failed to create trust ${JSON.stringify(oneLine(settings.displayName))}`;
    const service_principal_id = principalId ?? (await readPrincipal(this.session)).id;
    const sent = { path: { service_principal_id }, body: settings };
    return (await this.session.call(what, `POST ${TRUSTS}`, TrustResponse, sent)).trust;
  }

  /** Changes the fields that the change has. */
  async updateTrust(trust: Trust, change: TrustChange): Promise<Trust> {
    const what = `Failed to change trust ${oneLine(trust.displayName)}`;
    const updateMask = Object.keys(change).join(",");
    const sent = { path: pathOf(trust), body: { trust: change, updateMask } };
    return (await this.session.call(what, `PATCH ${TRUST}`, TrustResponse, sent)).trust;
  }

  async deleteTrust(trust: Trust): Promise<void> {
    const what = `Failed to delete trust ${oneLine(trust.displayName)}`;
    const sent = { path: pathOf(trust), body: {} };
    await this.session.call(what, `DELETE ${TRUST}`, z.unknown(), sent);
  }

  /** Checks a token as an exchange would. @param sourceIp undefined for an unknown address */
  async testToken(trust: Trust, subjectToken: string, sourceIp: string | undefined) {
    const what = `Failed to test trust ${oneLine(trust.displayName)}`;
    const body = { subjectToken, ...sourceIp === undefined ? {} : { sourceIp } };
    const sent = { path: pathOf(trust), body };
    return await this.session.call(what, `POST ${TRUST}/test`, TestResponse, sent);
  }
}

/** Kinds of providers that this server has. */
export type WellKnownProvider = `WELL_KNOWN_WORKLOAD_PROVIDER_${
  | "CUSTOM"
  | "GITHUB_ACTIONS"
  | "GITLAB_CI"
  | "HCP_TERRAFORM"
  | "AWS_IAM_OUTBOUND"}`;

function pathOf({ servicePrincipalId, clientId }: Trust) {
  return { service_principal_id: servicePrincipalId, client_id: clientId };
}
