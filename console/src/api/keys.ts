/**
 * Keys of queries. The first part names the kind of resource, so that one live event
 * finds every query that shows it.
 */
export const keys = {
  session: ["session"],
  sessions: ["sessions"],
  status: ["status"],
  functions: (search?: unknown) => ["function", "list", search ?? {}],
  function: (id: string) => ["function", id],
  publishes: (id: string) => ["function", id, "publishes"],
  commits: (functionId: string) => ["commit", functionId],
  commit: (functionId: string, id: string) => ["commit", functionId, id],
  invocations: (filter: unknown) => ["invocation", "list", filter],
  invocation: (id: string) => ["invocation", id],
  deadLetters: (filter: unknown) => ["invocation", "dead_letters", filter],
  /** Not refreshed by events: each invocation causes an event, and counting a day takes longer than an invocation. */
  statistics: (of: unknown) => ["statistics", of],
  triggers: (functionId: string) => ["trigger", functionId],
  deliveries: (
    functionId: string,
    id: string,
  ) => ["trigger", functionId, id, "deliveries"],
  volumes: () => ["volume", "list"],
  volume: (id: string) => ["volume", id],
} as const;
