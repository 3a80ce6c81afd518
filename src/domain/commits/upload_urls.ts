import { DomainError } from "../errors.ts";
import { SignedTokens } from "../signed_tokens.ts";

/** The file that an upload URL is for, and its expiry. */
interface UploadGrant {
  readonly functionId: string;
  readonly commitId: string;
  readonly path: string;
  readonly expiresAt: Date;
}

/** URLs that let their holder upload one file of one commit without any other credential. */
export class UploadUrls {
  readonly #tokens: SignedTokens<{ f: string; c: string; p: string; e: number }>;

  constructor(key: Uint8Array) {
    this.#tokens = new SignedTokens(key);
  }

  /** The path and token part of the URL. */
  issue({ functionId, commitId, path, expiresAt }: UploadGrant): string {
    return `/file/${
      this.#tokens.issue({ f: functionId, c: commitId, p: path, e: expiresAt.getTime() })
    }`;
  }

  /** @throws UPLOAD_URL_INVALID, UPLOAD_URL_EXPIRED */
  open(token: string): UploadGrant {
    const grant = this.#tokens.open(token);
    if (grant === undefined) {
      throw new DomainError(
        "UPLOAD_URL_INVALID",
        "Invalid upload URL: this server did not issue it, or it was changed",
      );
    }
    if (Date.now() >= grant.e) {
      throw new DomainError(
        "UPLOAD_URL_EXPIRED",
        `Upload of ${grant.p} rejected: its upload URL has expired (--upload-ttl); open a new commit`,
      );
    }
    return { functionId: grant.f, commitId: grant.c, path: grant.p, expiresAt: new Date(grant.e) };
  }
}
