import { z } from "zod";
import { readResponse } from "./http.ts";
import { pageOf, Publish, RemoteFunction } from "./schemas.ts";
import { pageQuery, type Session } from "./session.ts";

/** A client of the history of publishes, which is an addition to C1's API. */
export class PublishApi {
  constructor(private readonly session: Session) {}

  /** Changes of the published commit, newest first. */
  async list(fn: RemoteFunction, limit: number): Promise<Publish[]> {
    return await this.session.all(limit, (pageToken) =>
      this.session.get(
        `Cannot list the publishes of ${fn.displayName}`,
        `${pathOf(fn)}/publishes?${pageQuery(limit, pageToken)}`,
        pageOf(Publish),
      ));
  }

  /**
   * Publishes the previously published commit again, unless another commit is published meanwhile.
   * @param commitId a reference to another commit
   */
  async rollBack(fn: RemoteFunction, commitId: string | undefined): Promise<RemoteFunction> {
    const { publishedCommitId: seen } = fn;
    const response = await this.session.send("POST", `${pathOf(fn)}/rollback`, {
      body: { commitId },
      headers: seen === undefined ? { "if-none-match": "*" } : { "if-match": `"${seen}"` },
    });
    return (await readResponse(
      this.session.transport,
      `Cannot roll back ${fn.displayName}`,
      response,
      z.object({ function: RemoteFunction }),
    )).function;
  }
}

function pathOf({ id }: RemoteFunction): string {
  return `/api/v1/functions/${encodeURIComponent(id)}`;
}
