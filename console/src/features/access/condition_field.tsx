import { useState } from "react";
import { call } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { TextAreaField } from "../../parts/field.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import { useMay } from "../../shell/rights.ts";
import { sampleOf } from "./federation.ts";

/** What an evaluation of the condition found. */
type Evaluation =
  | { readonly kind: "none" | "running" | "met" | "unmet" }
  /** The condition cannot be evaluated for these claims. */
  | { readonly kind: "invalid"; readonly reason: string }
  | { readonly kind: "rejected"; readonly error: unknown };

async function evaluate(expression: string, claimsJson: string): Promise<Evaluation> {
  try {
    const { matched = false, error: reason = "" } = await call(
      "POST /api/v1/workload_federation/test-cel",
      { body: { expression, claimsJson } },
    );
    if (reason !== "") return { kind: "invalid", reason };
    return { kind: matched ? "met" : "unmet" };
  } catch (error) {
    return { kind: "rejected", error };
  }
}

/** The condition of a trust, which the reader can try with claims. */
export function ConditionField({ value, onChange, kind, error }: {
  readonly value: string;
  readonly onChange: (condition: string) => void;
  /** The kind of the provider, which decides what the examples are. */
  readonly kind: string | undefined;
  readonly error: string | undefined;
}) {
  const [found, setFound] = useState<Evaluation>({ kind: "none" });
  const mayTry = useMay()("c1.api.workload_federation.v1.WorkloadFederationService.TestCEL");
  const violation = found.kind === "rejected" ? violationOf(found.error, "expression") : undefined;
  return (
    <>
      <TextAreaField
        label="Condition"
        hint="CEL over the claims of the token. Name the repository or project and its branch exactly: a provider gives tokens to the jobs of others, too."
        rows={3}
        placeholder={sampleOf(kind).condition}
        value={value}
        onChange={(condition) => {
          setFound({ kind: "none" });
          onChange(condition);
        }}
        error={found.kind === "invalid" ? found.reason : violation ?? error}
      />
      {mayTry
        ? <TryCondition condition={value} kind={kind} found={found} onFound={setFound} />
        : null}
    </>
  );
}

function TryCondition({ condition, kind, found, onFound }: {
  readonly condition: string;
  readonly kind: string | undefined;
  readonly found: Evaluation;
  readonly onFound: (found: Evaluation) => void;
}) {
  const [claims, setClaims] = useState(() => JSON.stringify(sampleOf(kind).claims, null, 2));
  const rejection = found.kind === "rejected" ? found.error : undefined;
  const rest = remainingError(rejection, ["expression", "claimsJson"]);
  const run = async () => {
    onFound({ kind: "running" });
    onFound(await evaluate(condition, claims));
  };
  return (
    <details className="access-try">
      <summary>Try the condition</summary>
      <div className="stack">
        <TextAreaField
          label="Claims as JSON"
          rows={5}
          value={claims}
          onChange={(text) => {
            onFound({ kind: "none" });
            setClaims(text);
          }}
          error={violationOf(rejection, "claimsJson")}
        />
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div className="row">
          <Button
            busy={found.kind === "running"}
            disabled={condition.trim() === ""}
            onClick={() => void run()}
          >
            Try
          </Button>
          <span role="status">
            {found.kind === "met"
              ? <Badge tone="good">These claims meet the condition</Badge>
              : null}
            {found.kind === "unmet"
              ? <Badge tone="warn">These claims do not meet the condition</Badge>
              : null}
          </span>
        </div>
      </div>
    </details>
  );
}
