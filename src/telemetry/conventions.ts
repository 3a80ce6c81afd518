/** Values of attributes by OpenTelemetry's semantic conventions, for metrics and spans. */

/** The process that reports. */
export interface ReportingProcess {
  /** Version of the server. */
  readonly version: string;
  /** Id of the node or worker. */
  readonly instanceId: string;
  readonly role: "server" | "worker";
}

/** The attributes of the resource that all metrics and spans of a process have in common. */
export function resourceOf({ version, instanceId, role }: ReportingProcess) {
  return {
    "service.name": "invoked",
    "service.version": version,
    "service.instance.id": instanceId,
    "invoked.role": role,
  };
}

/** The value for whatever has no value of its own. */
export const OTHER = "_OTHER";

/** What starts invocations, in the words of OpenTelemetry. */
const TRIGGERS: Readonly<Record<string, string>> = {
  http: "http",
  webhook: "http",
  schedule: "timer",
  destination: "pubsub",
};

/** The `faas.trigger` of what started an invocation. */
export function triggerOf(kind: string): string {
  return TRIGGERS[kind] ?? "other";
}

const METHODS: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"],
]);

/** The `http.request.method` of a method that a client chose. */
export function methodOf(given: string): string {
  return METHODS.has(given) ? given : OTHER;
}

/** UTF-16 units of a function's name. */
const NAME_MAX = 128;

/** The `faas.name` of a display name. */
export function nameOf(displayName: string): string {
  return displayName.slice(0, NAME_MAX);
}
