import { createHash } from "node:crypto";
import type { ArtifactSource } from "../../engine/contract.ts";

/** Largest message of an API node: an artifact, or a job with its input. */
export const OWNER_MESSAGE_BYTES_MAX = 1024 * 1024 * 1024;

/** A session that can ask its owner for artifacts. */
interface ArtifactSession {
  requestArtifact(digest: string): void;
}

interface Request {
  readonly result: PromiseWithResolvers<string>;
  /** The session that was asked. */
  session: ArtifactSession;
}

/** Artifacts of running jobs, asked of their owners. A digest is checked before a text is used. */
export class SessionArtifacts implements ArtifactSource {
  /** Sessions whose job has the artifact. */
  readonly #sessions = new Map<string, Set<ArtifactSession>>();
  readonly #requests = new Map<string, Request>();

  /** Lets the session be asked for these artifacts until this is disposed. */
  serve(digests: readonly string[], session: ArtifactSession): Disposable {
    for (const digest of digests) {
      const sessions = this.#sessions.get(digest) ?? new Set();
      this.#sessions.set(digest, sessions.add(session));
    }
    return {
      [Symbol.dispose]: () => {
        for (const digest of digests) {
          const sessions = this.#sessions.get(digest);
          sessions?.delete(session);
          if (sessions?.size === 0) this.#sessions.delete(digest);
        }
      },
    };
  }

  async text(digest: string): Promise<string> {
    const known = this.#requests.get(digest);
    if (known !== undefined) return await known.result.promise;
    const [session] = this.#sessions.get(digest) ?? [];
    if (session === undefined) throw new Error(`No session has artifact ${digest}`);
    const request = { result: Promise.withResolvers<string>(), session };
    this.#requests.set(digest, request);
    session.requestArtifact(digest);
    return await request.result.promise;
  }

  /** An owner sent an artifact. */
  arrived(digest: string, bytes: Uint8Array): void {
    const request = this.#requests.get(digest);
    if (request === undefined) return;
    const found = createHash("sha256").update(bytes).digest("hex");
    this.#requests.delete(digest);
    if (found === digest) request.result.resolve(new TextDecoder().decode(bytes));
    else request.result.reject(new Error(`Artifact ${digest} has the digest ${found}`));
  }

  /** A session has ended: what it was asked for is asked of another one. */
  lost(session: ArtifactSession): void {
    for (const [digest, request] of this.#requests) {
      if (request.session !== session) continue;
      const other = this.#sessions.get(digest)?.values().find((each) => each !== session);
      if (other === undefined) {
        this.#requests.delete(digest);
        request.result.reject(new Error(`No session has artifact ${digest} any more`));
      } else {
        request.session = other;
        other.requestArtifact(digest);
      }
    }
  }
}
