/** A real OpenID Connect provider on loopback, whose people a test changes, and whose responses it can forge. */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import Provider from "oidc-provider";
import { CERT, KEY } from "../egress/certificates.ts";

/** A person at the provider. */
export interface Account {
  readonly name: string;
  readonly email: string;
  /** True by default. */
  readonly email_verified?: boolean;
  readonly preferred_username?: string;
  readonly groups: readonly string[];
}

/** Changes the body of a JSON response before it leaves. */
type Forgery = (
  body: Record<string, unknown>,
) => Record<string, unknown> | Promise<Record<string, unknown>>;

export const CLIENT_ID = "invoked-tests";
export const CLIENT_SECRET = "a secret of the tests that nothing else uses";

interface Options {
  /** Whether people get refresh tokens. */
  readonly refreshes?: boolean;
  /** Whether the claims of people are in userinfo alone. */
  readonly userinfoOnly?: boolean;
  /** Whether it has the certificate of the tests. */
  readonly tls?: boolean;
}

/** The running provider. Its host is `localhost`, so that it is another site than a server at 127.0.0.1. */
export class TestProvider implements AsyncDisposable {
  /** By their login, which is also their subject. */
  readonly accounts = new Map<string, Account>();
  /** Forges the responses of a path, such as `/token`. */
  readonly forgeries = new Map<string, Forgery>();
  /** Methods and paths of the requests that were answered, in their order. */
  readonly requests: string[] = [];
  /** Answers every request with this status, while it is set. */
  outage: number | undefined;
  /** Base URL of the server that people sign in to; the provider sends browsers there alone. */
  serverUrl = "";

  private constructor(
    readonly issuer: string,
    /** Signs ID tokens. */
    readonly privateJwk: JWK,
    private readonly close: () => Promise<void>,
  ) {}

  static async start(options: Options = {}): Promise<TestProvider> {
    let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {};
    const serve = (request: IncomingMessage, response: ServerResponse) => handle(request, response);
    const server = options.tls
      ? createTlsServer({ cert: CERT, key: KEY }, serve)
      : createServer(serve);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const issuer = `${options.tls ? "https" : "http"}://localhost:${
      (server.address() as AddressInfo).port
    }`;
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const jwk = { ...await exportJWK(privateKey), kid: "test", alg: "RS256", use: "sig" };
    const started = new TestProvider(issuer, jwk, async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    });
    const callback = started.#provider(options).callback();
    handle = (request, response) => {
      started.#observe(request, response);
      if (started.outage === undefined) return void callback(request, response);
      response.writeHead(started.outage).end();
    };
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The flags of a server whose people sign in here. @param secretFile has {@link CLIENT_SECRET} */
  flags(secretFile: string): readonly string[] {
    return [
      ...["--oidc-issuer", this.issuer, "--oidc-client-id", CLIENT_ID],
      ...["--oidc-client-secret-file", secretFile],
    ];
  }

  #provider({ refreshes = true, userinfoOnly = false }: Options): Provider {
    const { accounts } = this;
    const provider = new Provider(this.issuer, {
      clients: [{
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        // Checked below: the server has a free port.
        redirect_uris: ["http://127.0.0.1/auth/v1/oidc/callback"],
        grant_types: ["authorization_code", "refresh_token"],
      }],
      jwks: { keys: [this.privateJwk] as never },
      claims: {
        openid: ["sub"],
        email: ["email", "email_verified"],
        profile: ["name", "preferred_username"],
        groups: ["groups"],
      },
      scopes: ["openid", "offline_access", "email", "profile", "groups"],
      conformIdTokenClaims: userinfoOnly,
      pkce: { required: () => true },
      issueRefreshToken: () => refreshes,
      cookies: { keys: ["a key of the tests"] },
      // Longer than any test; the defaults print a notice.
      ttl: Object.fromEntries(
        ["Interaction", "Session", "Grant", "AccessToken", "IdToken", "RefreshToken"]
          .map((name) => [name, 24 * 60 * 60]),
      ),
      findAccount(_: unknown, id: string) {
        const account = accounts.get(id);
        return account && {
          accountId: id,
          claims: () => ({ sub: id, email_verified: true, ...account }),
        };
      },
    });
    const allows = (path: string) => (uri: string) => uri === this.serverUrl + path;
    Object.assign(provider.Client.prototype, {
      redirectUriAllowed: allows("/auth/v1/oidc/callback"),
      postLogoutRedirectUriAllowed: allows("/sign-in"),
    });
    return provider;
  }

  #observe(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? "/", this.issuer);
    this.requests.push(`${request.method} ${pathname}`);
    const forge = this.forgeries.get(pathname);
    if (forge === undefined) return;
    const end = response.end.bind(response);
    response.end = ((body: unknown) => {
      const forged = Promise.resolve(forge(JSON.parse(String(body))));
      forged.then((changed) => {
        const bytes = Buffer.from(JSON.stringify(changed));
        response.setHeader("Content-Length", bytes.length);
        end(bytes);
      });
      return response;
    }) as typeof response.end;
  }
}
