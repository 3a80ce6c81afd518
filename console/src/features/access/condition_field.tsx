import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { TextAreaField } from "../../parts/field.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import { useMay } from "../../shell/rights.ts";
import { sampleOf } from "./federation.ts";

interface Claims {
  readonly expression: string;
  readonly claimsJson: string;
}

/** What an evaluation of a condition found; `reason` says why the condition cannot be evaluated for the claims. */
interface Evaluation {
  readonly isMet?: boolean;
  readonly reason?: string;
  readonly error?: unknown;
  readonly isRunning?: boolean;
}

/** Evaluates a condition. What it answers is for the inputs as they are now: a change of one drops the result. */
function useEvaluation(inputs: Claims): readonly [Evaluation, () => void] {
  const { variables, data, error, isPending, mutate } = useMutation({
    mutationFn: (body: Claims) => call("POST /api/v1/workload_federation/test-cel", { body }),
  });
  const isCurrent = variables?.expression === inputs.expression &&
    variables.claimsJson === inputs.claimsJson;
  const { matched: isMet = false, error: reason = "" } = data ?? {};
  const found = reason === "" ? { isMet } : { reason };
  const evaluation = {
    ...data === undefined ? {} : found,
    ...error === null ? {} : { error },
    isRunning: isPending,
  };
  return [isCurrent ? evaluation : {}, () => mutate(inputs)];
}

/** The condition of a trust, which the reader can try with claims. */
export function ConditionField({ value, onChange, kind, error }: {
  readonly value: string;
  readonly onChange: (condition: string) => void;
  /** The kind of the provider, which decides what the examples are. */
  readonly kind: string | undefined;
  readonly error: string | undefined;
}) {
  const [claims, setClaims] = useState(() => JSON.stringify(sampleOf(kind).claims, null, 2));
  const [found, evaluate] = useEvaluation({ expression: value, claimsJson: claims });
  const mayTry = useMay()("c1.api.workload_federation.v1.WorkloadFederationService.TestCEL");
  return (
    <>
      <TextAreaField
        label="Condition"
        hint="CEL over the claims of the token. Name the repository or project and its branch exactly: a provider gives tokens to the jobs of others, too."
        rows={3}
        placeholder={sampleOf(kind).condition}
        value={value}
        onChange={onChange}
        error={found.reason ?? violationOf(found.error, "expression") ?? error}
      />
      {mayTry && (
        <TryCondition
          claims={claims}
          onClaims={setClaims}
          found={found}
          onTry={value.trim() === "" ? undefined : evaluate}
        />
      )}
    </>
  );
}

function TryCondition({ claims, onClaims, found, onTry }: {
  readonly claims: string;
  readonly onClaims: (claims: string) => void;
  readonly found: Evaluation;
  /** Undefined without a condition. */
  readonly onTry: (() => void) | undefined;
}) {
  const rest = remainingError(found.error, ["expression", "claimsJson"]);
  return (
    <details className="access-try">
      <summary>Try the condition</summary>
      <div className="stack">
        <TextAreaField
          label="Claims as JSON"
          rows={5}
          value={claims}
          onChange={onClaims}
          error={violationOf(found.error, "claimsJson")}
        />
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div className="row">
          <Button
            busy={found.isRunning === true}
            disabled={onTry === undefined}
            onClick={() => onTry?.()}
          >
            Try
          </Button>
          <span role="status">
            {found.isMet === true && <Badge tone="good">These claims meet the condition</Badge>}
            {found.isMet === false && (
              <Badge tone="warn">These claims do not meet the condition</Badge>
            )}
          </span>
        </div>
      </div>
    </details>
  );
}
