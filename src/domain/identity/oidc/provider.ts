/** The OpenID Connect provider that people sign in with (https://openid.net/specs/openid-connect-core-1_0.html). */
import { getLogger } from "@logtape/logtape";
import type {
  Configuration,
  TokenEndpointResponse,
  TokenEndpointResponseHelpers,
} from "openid-client";
import type { Secret } from "../../../config/mod.ts";
import { boundedFetch, ProviderUnavailable, RESPONSE_TIMEOUT_MS } from "./bounded_fetch.ts";
import { type Claims, personOf, type ProviderPerson } from "./claims.ts";

const logger = getLogger(["invoked", "identity"]);

/** How long the metadata of the provider is kept. */
const METADATA_KEPT_MS = 60 * 60 * 1000;
/** How long the server waits before it asks an unavailable provider for its metadata again. */
const METADATA_RETRY_MS = 5_000;
const MS_PER_SECOND = 1000;
const NAME_CHARS_MAX = 255;
const ID_TOKEN_CHARS_MAX = 8 * 1024;
/** Asked for if the provider lists them: without a refresh token a session is short. */
const OPTIONAL_SCOPES = ["offline_access", "groups"];
/** Signatures of ID tokens that are accepted: asymmetric ones, whatever else the provider offers. */
const ALGORITHMS: ReadonlySet<string> = new Set(
  ["RS", "PS", "ES"].flatMap((family) => ["256", "384", "512"].map((bits) => family + bits))
    .concat("EdDSA", "Ed25519"),
);

interface OidcOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined for a public client. */
  readonly clientSecret: Secret | undefined;
  /** Certificates in PEM, in addition to public ones. */
  readonly caCerts: readonly string[];
  readonly groupsClaim: string;
  /** Where the provider sends browsers back to; registered there. */
  readonly redirectUri: string;
  /** Where the provider sends browsers after a sign-out; registered there. */
  readonly signedOutUri: string;
}

/** What ties the provider's response to the browser that began the sign-in. */
export interface SignInChecks {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** What the server keeps of a session at the provider. */
export interface ProviderTokens {
  /** Undefined if the provider gave none. */
  readonly refreshToken: string | undefined;
  /** Names the session at the sign-out; empty for one that is too long to keep. */
  readonly idToken: string;
}

/** A person whom the provider has confirmed. */
export interface ConfirmedPerson {
  readonly person: ProviderPerson;
  readonly tokens: ProviderTokens;
}

/** The provider's response is not accepted. */
export class SignInRejected extends Error {
  override name = "SignInRejected";

  /** @param rule that the response violates, such as `invalid_grant` or `OAUTH_JWT_CLAIM_COMPARISON_FAILED` */
  constructor(readonly rule: string, message: string) {
    super(message);
  }
}

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;
type Library = typeof import("openid-client");

/** Signs people in at the provider, and asks it for them again. Every method throws {@link ProviderUnavailable}. */
export class OidcProvider implements Disposable {
  readonly #client: Deno.HttpClient;
  #metadata: { readonly found: Promise<Configuration>; readonly askedAt: number } | undefined;
  #lastFound: Configuration | undefined;

  constructor(private readonly options: OidcOptions) {
    this.#client = Deno.createHttpClient({ caCerts: [...options.caCerts] });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** Reads the metadata ahead of the first sign-in. Never rejects. */
  async prepare(): Promise<void> {
    await this.#configuration().catch(() => {});
  }

  /** The issuer as the provider writes it: subjects of people belong to it. */
  async issuer(): Promise<string> {
    return (await this.#configuration()).serverMetadata().issuer;
  }

  /** The URL that a browser must visit to sign in, and the checks of the response. @throws SignInRejected */
  async begin(): Promise<{ readonly url: string; readonly checks: SignInChecks }> {
    const client = await library();
    const configuration = await this.#configuration();
    const checks = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      codeVerifier: client.randomPKCECodeVerifier(),
    };
    const { scopes_supported: supported = [] } = configuration.serverMetadata();
    const optional = OPTIONAL_SCOPES.filter((scope) => supported.includes(scope));
    const parameters = {
      redirect_uri: this.options.redirectUri,
      scope: ["openid", "profile", "email", ...optional].join(" "),
      code_challenge: await client.calculatePKCECodeChallenge(checks.codeVerifier),
      code_challenge_method: "S256",
      state: checks.state,
      nonce: checks.nonce,
    };
    const url = await judged(client, () => client.buildAuthorizationUrl(configuration, parameters));
    return { url: url.href, checks };
  }

  /** Exchanges the code of the provider's response. @throws SignInRejected */
  async finish(response: URLSearchParams, checks: SignInChecks): Promise<ConfirmedPerson> {
    const client = await library();
    const configuration = await this.#configuration();
    return await judged(client, async () => {
      const tokens = await client.authorizationCodeGrant(
        configuration,
        new URL(`?${response}`, this.options.redirectUri),
        {
          expectedState: checks.state,
          expectedNonce: checks.nonce,
          pkceCodeVerifier: checks.codeVerifier,
          idTokenExpected: true,
        },
      );
      const subject = tokens.claims()?.sub ?? "";
      return await this.#confirmed(client, configuration, tokens, subject);
    });
  }

  /**
   * Asks the provider whether the person still exists, and for their groups.
   * @param subject whom the response must be about
   * @throws SignInRejected
   */
  async refresh(kept: ProviderTokens, subject: string): Promise<ConfirmedPerson> {
    const client = await library();
    const configuration = await this.#configuration();
    const { refreshToken = "", idToken } = kept;
    return await judged(client, async () => {
      const tokens = await client.refreshTokenGrant(configuration, refreshToken);
      const confirmed = await this.#confirmed(client, configuration, tokens, subject);
      return {
        person: confirmed.person,
        tokens: {
          refreshToken: confirmed.tokens.refreshToken ?? refreshToken,
          idToken: confirmed.tokens.idToken || idToken,
        },
      };
    });
  }

  /** The URL that signs a browser out of the provider; undefined if the provider has none. @throws SignInRejected */
  async endSessionUrl({ idToken }: ProviderTokens): Promise<string | undefined> {
    const client = await library();
    const configuration = await this.#configuration();
    if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
    const parameters = {
      ...idToken === "" ? {} : { id_token_hint: idToken },
      post_logout_redirect_uri: this.options.signedOutUri,
    };
    const url = await judged(client, () => client.buildEndSessionUrl(configuration, parameters));
    return url.href;
  }

  async #confirmed(
    client: Library,
    configuration: Configuration,
    tokens: Tokens,
    subject: string,
  ): Promise<ConfirmedPerson> {
    const { groupsClaim } = this.options;
    const ofToken = tokens.claims();
    if (ofToken !== undefined && ofToken.sub !== subject) {
      throw new SignInRejected("sub", "the ID token is about another person");
    }
    const { issuer, userinfo_endpoint: userinfo } = configuration.serverMetadata();
    assertShort("sub", subject);
    assertShort("iss", issuer);
    let claims: Claims = ofToken ?? {};
    if (claims[groupsClaim] === undefined && userinfo !== undefined) {
      const answer = await client.fetchUserInfo(configuration, tokens.access_token, subject);
      claims = { ...claims, ...answer };
    } else if (ofToken === undefined) {
      throw new SignInRejected("claims", "the provider gives neither an ID token nor userinfo");
    }
    return {
      person: personOf(claims, { issuer, subject, groupsClaim }),
      tokens: { refreshToken: tokens.refresh_token, idToken: keptIdToken(tokens) },
    };
  }

  /** The metadata in memory. While the provider does not answer, the metadata of before count. */
  async #configuration(): Promise<Configuration> {
    const now = performance.now();
    const keptMs = this.#lastFound === undefined ? METADATA_RETRY_MS : METADATA_KEPT_MS;
    if (this.#metadata === undefined || now - this.#metadata.askedAt > keptMs) {
      const found = this.#discover();
      found.catch(() => {});
      this.#metadata = { found, askedAt: now };
    }
    try {
      return await this.#metadata.found;
    } catch (error) {
      if (this.#lastFound !== undefined) return this.#lastFound;
      throw error;
    }
  }

  async #discover(): Promise<Configuration> {
    const client = await library();
    const { issuer, clientId, clientSecret } = this.options;
    try {
      const found = await client.discovery(new URL(issuer), clientId, undefined, client.None(), {
        [client.customFetch]: boundedFetch(this.#client) as never,
        timeout: RESPONSE_TIMEOUT_MS / MS_PER_SECOND,
        execute: new URL(issuer).protocol === "http:" ? [client.allowInsecureRequests] : [],
      });
      return this.#lastFound = this.#checked(client, found, clientSecret?.reveal());
    } catch (error) {
      const reason = unavailableIn(error)?.message ?? String(error);
      logger.error("the OpenID Connect provider {issuer} is not available: {reason}", {
        issuer,
        reason,
      });
      throw new ProviderUnavailable(reason);
    }
  }

  /** The configuration that checks every signature, by the methods that both sides know. */
  #checked(client: Library, found: Configuration, secret: string | undefined): Configuration {
    const { supportsPKCE: _helper, ...metadata } = found.serverMetadata();
    const { token_endpoint_auth_methods_supported: methods = ["client_secret_basic"] } = metadata;
    const authentication = secret === undefined
      ? client.None()
      : methods.includes("client_secret_basic")
      ? client.ClientSecretBasic(secret)
      : client.ClientSecretPost(secret);
    const configuration = new client.Configuration(
      {
        ...metadata,
        id_token_signing_alg_values_supported:
          (metadata.id_token_signing_alg_values_supported ?? ["RS256"])
            .filter((algorithm) => ALGORITHMS.has(algorithm)),
      },
      this.options.clientId,
      undefined,
      authentication,
    );
    configuration[client.customFetch] = boundedFetch(this.#client) as never;
    configuration.timeout = RESPONSE_TIMEOUT_MS / MS_PER_SECOND;
    if (metadata.issuer.startsWith("http:")) client.allowInsecureRequests(configuration);
    client.enableNonRepudiationChecks(configuration);
    return configuration;
  }
}

/** Section 2 of OpenID Connect Core limits what names a person. @throws SignInRejected */
function assertShort(claim: "sub" | "iss", value: string): void {
  if (value.length <= NAME_CHARS_MAX) return;
  throw new SignInRejected(
    claim,
    `the claim ${claim} has ${value.length} characters; OpenID Connect allows ${NAME_CHARS_MAX}`,
  );
}

/** Every session keeps one, and it must fit into a URL. */
function keptIdToken({ id_token: idToken = "" }: TokenEndpointResponse): string {
  return idToken.length <= ID_TOKEN_CHARS_MAX ? idToken : "";
}

/** Loaded with the first use. */
const library = (): Promise<Library> => import("openid-client");

/** Runs an exchange with the provider. @throws SignInRejected, ProviderUnavailable */
async function judged<T>(client: Library, exchange: () => T | Promise<T>): Promise<T> {
  try {
    return await exchange();
  } catch (error) {
    if (error instanceof SignInRejected) throw error;
    const unavailable = unavailableIn(error);
    if (unavailable !== undefined) throw unavailable;
    const { message } = error as Error;
    if (error instanceof client.AuthorizationResponseError) {
      throw new SignInRejected(error.error, error.error_description ?? message);
    }
    if (error instanceof client.ResponseBodyError) {
      throw rejectedBy(error.error, error.error_description ?? message);
    }
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new SignInRejected(code, message);
  }
}

/** Errors of the token endpoint that concern the person. Others concern the client, and no person. */
const OF_PERSON: ReadonlySet<string> = new Set(["invalid_grant", "access_denied", "invalid_scope"]);

function rejectedBy(error: string, description: string): Error {
  if (OF_PERSON.has(error)) return new SignInRejected(error, description);
  logger.error("the OpenID Connect provider rejects this server: {error}: {description}", {
    error,
    description,
  });
  return new ProviderUnavailable(`the provider rejects this server: ${error}`);
}

/** The library wraps what {@link boundedFetch} throws. */
function unavailableIn(error: unknown): ProviderUnavailable | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ProviderUnavailable) return at;
  }
  return undefined;
}
