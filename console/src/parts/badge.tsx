import { enumWords } from "./format.ts";

interface BadgeProps {
  readonly tone?: "quiet" | "good" | "bad" | "warn" | "accent";
  readonly children: React.ReactNode;
  readonly title?: string;
}

/** A short state in words; the tone repeats what the words say. */
export function Badge({ tone = "quiet", children, title }: BadgeProps) {
  return <span className={`badge badge-${tone}`} title={title}>{children}</span>;
}

const TONES: Readonly<Record<string, BadgeProps["tone"]>> = {
  SUCCESS: "good",
  ERROR: "bad",
  RUNNING: "accent",
  PENDING: "warn",
};

/** Responses from this status on are no success, if also no failure of the function. */
const CLIENT_ERROR = 400;

/** The status of an invocation: a failure shows its error code, and an answer to a request its status. */
export function StatusBadge({ status, error, skipReason, failure, http }: {
  readonly status: string;
  readonly error?: string | undefined;
  readonly skipReason?: string | undefined;
  readonly failure?: string | undefined;
  readonly http?: { readonly status?: number } | undefined;
}) {
  const word = status.replace("FUNCTION_INVOCATION_STATUS_", "");
  if (skipReason !== undefined) {
    return (
      <Badge title={error ?? ""}>
        Skipped: {enumWords(skipReason, "SKIP_REASON").toLowerCase()}
      </Badge>
    );
  }
  if (word === "SUCCESS" && http?.status !== undefined) {
    const hasFailed = failure !== undefined;
    const tone = http.status < CLIENT_ERROR ? "good" : "quiet";
    return (
      <Badge tone={hasFailed ? "bad" : tone} title={hasFailed ? "The response is a failure" : ""}>
        HTTP {http.status}
      </Badge>
    );
  }
  const text = word === "ERROR" ? errorCode(error) ?? "Error" : enumWords(word, "");
  return <Badge tone={TONES[word] ?? "quiet"} title={error ?? ""}>{text}</Badge>;
}

/** The error code that an error begins with, such as `TIMEOUT`. */
export function errorCode(error: string | undefined): string | undefined {
  return /^([A-Z][A-Z0-9_]*):/.exec(error ?? "")?.[1];
}

/** Error codes of the server; functions may throw others. */
export const ERROR_CODES = [
  "UNCAUGHT",
  "TIMEOUT",
  "OUT_OF_MEMORY",
  "CPU_LIMIT",
  "BAD_OUTPUT",
  "OUTPUT_TOO_LARGE",
  "EXITED",
  "CANCELLED",
  "INTERRUPTED",
  "VFS_CONFLICT",
  "HTTP_5XX",
] as const;

interface FunctionStateProps {
  readonly isDraft?: boolean | undefined;
  readonly head?: string | undefined;
  readonly publishedCommitId?: string | undefined;
  readonly deletedAt?: string | undefined;
}

/** Whether callers get the newest code, older code, or none. A draft was never published. */
export function FunctionState(
  { isDraft, head, publishedCommitId = "", deletedAt }: FunctionStateProps,
) {
  if (deletedAt !== undefined) {
    return <Badge tone="bad" title="Invocations of this function fail">Deleted</Badge>;
  }
  if (isDraft === true) return <Badge title="No commit was ever published">Never published</Badge>;
  if (publishedCommitId === "") {
    const title = "No commit is published: invocations that do not name a commit fail";
    return <Badge tone="warn" title={title}>Unpublished</Badge>;
  }
  return head === publishedCommitId
    ? <Badge tone="good" title="Invocations run the latest commit">Published</Badge>
    : <Badge tone="warn" title="The latest commit is not published">Unpublished changes</Badge>;
}
