import { pageOf, Publish, type RemoteFunction } from "./schemas.ts";
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
}

function pathOf({ id }: RemoteFunction): string {
  return `/api/v1/functions/${encodeURIComponent(id)}`;
}
