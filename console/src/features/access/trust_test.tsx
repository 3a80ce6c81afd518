import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call, type Trust } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { CodeBlock } from "../../parts/code.tsx";
import { FormDialog } from "../../parts/dialog.tsx";
import { TextAreaField, TextField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { ErrorNote } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import { claimsText, type Step, stepsOf, type TestedToken } from "./federation.ts";

interface TestedInputs {
  readonly subjectToken: string;
  readonly sourceIp: string;
}

interface Tested extends TestedToken {
  readonly overallResult?: boolean;
  readonly decodedClaimsJson?: string;
}

/** Shows what the server would make of a job's token, step by step. The token stays in the memory of this dialog. */
export function TestTrust(
  { trust, onClose }: { readonly trust: Trust; readonly onClose: () => void },
) {
  const [token, setToken] = useState("");
  const [sourceIp, setSourceIp] = useState("");
  const { variables, data, error, mutateAsync } = useMutation({
    mutationFn: (body: TestedInputs) =>
      call("POST /api/v1/service_principals/{service_principal_id}/trusts/{client_id}/test", {
        path: { service_principal_id: trust.servicePrincipalId, client_id: trust.clientId },
        body,
      }),
  });
  const inputs = { subjectToken: token.trim(), sourceIp: sourceIp.trim() };
  // The result of other inputs, such as one that comes late, says nothing of these.
  const isCurrent = variables?.subjectToken === inputs.subjectToken &&
    variables.sourceIp === inputs.sourceIp;
  const rejection = isCurrent ? error : undefined;
  const rest = remainingError(rejection, ["subjectToken", "sourceIp"]);
  return (
    <FormDialog
      onClose={onClose}
      size="large"
      title={`Test a token with ${trust.displayName}`}
      description="The server checks the token as an exchange would, and issues no access token."
      action="Test"
      dismiss="Close"
      unsaved={false}
      disabled={token.trim() === ""}
      onSubmit={() => mutateAsync(inputs).catch(() => {})}
    >
      {() => (
        <>
          <TextAreaField
            label="Token of a job"
            rows={4}
            value={token}
            onChange={setToken}
            error={violationOf(rejection, "subjectToken")}
          />
          {trust.allowSourceCidrs.length === 0 ? null : (
            <TextField
              label="Address of the job"
              hint={`The trust works from ${trust.allowSourceCidrs.join(", ")} alone.`}
              value={sourceIp}
              onChange={setSourceIp}
              error={violationOf(rejection, "sourceIp")}
              mono
            />
          )}
          {rest === undefined ? null : <ErrorNote error={rest} />}
          <div className="stack" role="status">
            {isCurrent && data !== undefined && <Result tested={data} />}
          </div>
        </>
      )}
    </FormDialog>
  );
}

function Result({ tested }: { readonly tested: Tested }) {
  const { overallResult, decodedClaimsJson = "" } = tested;
  const steps = stepsOf(tested);
  const failed = steps.find(({ outcome }) => outcome === "failed");
  return (
    <>
      <p>
        {overallResult === true
          ? <Badge tone="good">The trust accepts the token</Badge>
          : <Badge tone="bad">The trust rejects the token</Badge>}
        {failed === undefined ? null : ` ${failed.label}: ${visibleText(failed.detail)}`}
      </p>
      <DataTable
        label="Steps of the check"
        columns={COLUMNS}
        rows={steps}
        rowId={({ id }) => id}
        empty={null}
      />
      {decodedClaimsJson === ""
        ? null
        : <CodeBlock text={claimsText(decodedClaimsJson)} label="claims of the token" />}
    </>
  );
}

const OUTCOMES: Readonly<Record<Step["outcome"], React.ReactNode>> = {
  passed: <Badge tone="good">Passed</Badge>,
  failed: <Badge tone="bad">Failed</Badge>,
  skipped: <Badge>Skipped</Badge>,
};

const COLUMNS: readonly Column<Step>[] = [
  { header: "Step", width: "96px", cell: ({ label }) => label },
  { header: "Result", width: "88px", cell: ({ outcome }) => OUTCOMES[outcome] },
  { header: "Found", minor: true, cell: (step) => <Found {...step} /> },
];

function Found({ outcome, expected, actual, detail }: Step) {
  if (outcome === "skipped") {
    return <span className="muted">Not checked after the failed step</span>;
  }
  const isCompared = outcome === "failed" && expected !== "";
  return (
    <span className="access-found">
      <bdi>{visibleText(detail === "" ? actual : detail)}</bdi>
      {isCompared && (
        <span className="muted">
          Expected {visibleText(expected)}, found {visibleText(actual) || "nothing"}
        </span>
      )}
    </span>
  );
}
