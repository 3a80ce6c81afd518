/** Issuers of workload tokens on this machine, which sign as GitHub Actions and GitLab do. */
import { randomUUID } from "node:crypto";
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { CERT, KEY } from "../egress/certificates.ts";
import type { Json } from "../support/client.ts";

const LIFETIME_S = 300;

/** A signing key with its public half. */
interface IssuerKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: Json;
}

/** Makes a signing key. */
export async function issuerKey(kid: string, alg = "RS256"): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const publicJwk = { ...await exportJWK(publicKey), kid, alg, use: "sig" };
  return { alg, kid, privateKey, publicJwk };
}

/** An https server with the discovery documents and key sets of issuers. Each issuer is a path of it. */
export class TokenIssuer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** The published keys by the path of their issuer, such as `/github`. */
  readonly keys = new Map<string, readonly IssuerKey[]>();
  /** What replaces the discovery document of a path. */
  readonly documents = new Map<string, Json>();
  /** Paths in the order in which they were read. */
  readonly reads: string[] = [];
  isDown = false;

  constructor() {
    const tls = { port: 0, hostname: "127.0.0.1", cert: CERT, key: KEY, onListen() {} };
    this.#server = Deno.serve(tls, ({ url }) => {
      const { pathname } = new URL(url);
      this.reads.push(pathname);
      if (this.isDown) return new Response("down", { status: 503 });
      const [, path = "", document] = /^(\/[\w-]+)\/(.+)$/.exec(pathname) ?? [];
      const keys = this.keys.get(path);
      if (keys === undefined) return new Response("none", { status: 404 });
      const issuer = this.url(path);
      return Response.json(
        document === ".well-known/openid-configuration"
          ? this.documents.get(path) ?? { issuer, jwks_uri: `${issuer}/.well-known/jwks` }
          : { keys: keys.map(({ publicJwk }) => publicJwk) },
      );
    });
  }

  /** The issuer of a path. */
  url(path: string): string {
    return `https://localhost:${this.#server.addr.port}${path}`;
  }

  /** Signs claims with the first key of a path, or with another one. */
  async sign(path: string, claims: Json, key = this.keys.get(path)?.[0]): Promise<string> {
    if (key === undefined) throw new Error(`No key for ${path}`);
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, nbf: now - LIFETIME_S, exp: now + LIFETIME_S };
    return await new SignJWT({ iss: this.url(path), jti: randomUUID(), ...times, ...claims })
      .setProtectedHeader({ typ: "JWT", alg: key.alg, kid: key.kid }).sign(key.privateKey);
  }

  /** Signs a text, such as claims that no object has, with the first key of a path. */
  async signText(path: string, text: string): Promise<string> {
    const key = this.keys.get(path)?.[0];
    if (key === undefined) throw new Error(`No key for ${path}`);
    return await new CompactSign(new TextEncoder().encode(text))
      .setProtectedHeader({ typ: "JWT", alg: key.alg, kid: key.kid }).sign(key.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** The claims of GitHub Actions for a job on a branch. */
export function githubClaims(aud: string, change: Json = {}): Json {
  return {
    aud,
    sub: "repo:octo-org/octo-repo:ref:refs/heads/main",
    ref: "refs/heads/main",
    sha: "3b9b3e2b0d4f7f2f0f4c6b1d8a5e7c9f1a2b3c4d",
    repository: "octo-org/octo-repo",
    repository_owner: "octo-org",
    repository_owner_id: "65",
    repository_id: "74",
    repository_visibility: "private",
    run_id: "7654321",
    run_number: "10",
    run_attempt: "2",
    actor: "octocat",
    actor_id: "12",
    workflow: "deploy",
    head_ref: "",
    base_ref: "",
    event_name: "push",
    ref_protected: "true",
    ref_type: "branch",
    job_workflow_ref: "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
    runner_environment: "github-hosted",
    ...change,
  };
}

/** The claims of GitLab for a job on a branch. */
export function gitlabClaims(aud: string, change: Json = {}): Json {
  return {
    aud,
    sub: "project_path:acme/shop:ref_type:branch:ref:main",
    namespace_id: "72",
    namespace_path: "acme",
    project_id: "20",
    project_path: "acme/shop",
    user_login: "sample-user",
    groups_direct: ["acme/platform", "acme/release"],
    pipeline_id: "574",
    pipeline_source: "push",
    ref: "main",
    ref_type: "branch",
    ref_protected: "true",
    runner_environment: "gitlab-hosted",
    ...change,
  };
}
