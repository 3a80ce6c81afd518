import { z } from "zod";
import { Publish, RemoteFunction } from "./schemas.ts";
import { SessionClient } from "./session.ts";

const FUNCTION = "/api/v1/functions/{function_id}";

/** A client of the history of publishes, which is an addition to C1's API. */
export class PublishApi extends SessionClient {
  /** Changes of the published commit, newest first. */
  async list(fn: RemoteFunction, limit: number): Promise<Publish[]> {
    const what = `Failed to list the publishes of ${fn.displayName}`;
    const sent = { path: { function_id: fn.id } };
    return await this.session.list(what, `GET ${FUNCTION}/publishes`, Publish, limit, sent);
  }

  /**
   * Publishes the previously published commit again, unless another commit is published meanwhile.
   * @param commitId a reference to another commit
   */
  async rollBack(fn: RemoteFunction, commitId: string | undefined): Promise<RemoteFunction> {
    const { id, displayName, publishedCommitId: seen } = fn;
    const what = `Failed to roll back ${displayName}`;
    const schema = z.object({ function: RemoteFunction });
    return (await this.session.call(what, `POST ${FUNCTION}/rollback`, schema, {
      path: { function_id: id },
      body: { commitId },
      header: seen === undefined ? { "If-None-Match": "*" } : { "If-Match": `"${seen}"` },
    })).function;
  }
}
