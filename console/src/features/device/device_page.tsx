import { useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { call, type Schemas } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { TextField } from "../../parts/field.tsx";
import { Page, Properties } from "../../parts/page.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { errorText } from "../../parts/violations.ts";
import { sessionQuery } from "../../shell/session.ts";

type Device = Schemas["invoked.PendingDevice"];
type Decision = "approved" | "denied";

/** Lets the reader approve or deny a command line that waits for its sign-in. */
export function DevicePage() {
  const { user_code: given = "" } = useSearch({ from: "/shell/device" });
  const [code, setCode] = useState(given);
  const [decision, setDecision] = useState<Decision>();
  const find = useMutation({
    mutationFn: (userCode: string) => call("POST /auth/v1/device/find", { body: { userCode } }),
  });
  const { mutate } = find;
  const isAsked = useRef(false);
  // A link from a command line has the code. Once: each wrong code counts.
  useEffect(() => {
    if (given === "" || isAsked.current) return;
    isAsked.current = true;
    mutate(given);
  }, [given, mutate]);
  if (decision !== undefined) return <Decided decision={decision} device={find.data} />;
  return (
    <Page title="Sign in a device">
      {find.data === undefined
        ? (
          <CodeForm
            code={code}
            onCode={setCode}
            onSubmit={() => mutate(code)}
            busy={find.isPending}
            error={find.error === null ? undefined : errorText(find.error)}
          />
        )
        : <Question device={find.data} onDecided={setDecision} />}
    </Page>
  );
}

function CodeForm({ code, onCode, onSubmit, busy, error }: {
  readonly code: string;
  readonly onCode: (code: string) => void;
  readonly onSubmit: () => void;
  readonly busy: boolean;
  readonly error: string | undefined;
}) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className="stack device" onSubmit={submit}>
      <p>Enter the code that the command line shows.</p>
      <TextField
        label="Code"
        value={code}
        onChange={onCode}
        error={error}
        placeholder="BCDF-GHJK"
        mono
        autoFocus
      />
      <div className="actions">
        <Button type="submit" look="primary" busy={busy} disabled={code.trim() === ""}>
          Continue
        </Button>
      </div>
    </form>
  );
}

function Question({ device, onDecided }: {
  readonly device: Device;
  readonly onDecided: (decision: Decision) => void;
}) {
  const { data: session } = useQuery(sessionQuery);
  const decide = useMutation({
    mutationFn: async (decision: Decision) => {
      const body = { userCode: device.userCode };
      if (decision === "approved") await call("POST /auth/v1/device/approve", { body });
      else await call("POST /auth/v1/device/deny", { body });
      return decision;
    },
    onSuccess: onDecided,
  });
  const { isPending, variables } = decide;
  return (
    <div className="stack device">
      <p>
        <strong>{device.clientName}</strong> asks to act as{" "}
        <Name value={session?.principal?.displayName ?? ""} />. Approve only if you started this
        yourself and the command line shows the same code. Somebody else may have sent you this page
        to get access in your name.
      </p>
      <Properties
        items={[
          ["Code", <code key="code" className="device-code">{device.userCode}</code>],
          ["Address", <Name key="address" value={device.address} />],
          ["Rights", rightsOf(device)],
          ["Asked", <Time key="asked" value={device.createdAt} />],
        ]}
      />
      {decide.error === null ? null : <ErrorNote error={decide.error} />}
      <div className="actions">
        <Button
          look="primary"
          busy={isPending && variables === "approved"}
          disabled={isPending && variables !== "approved"}
          onClick={() => decide.mutate("approved")}
        >
          Approve
        </Button>
        <Button
          busy={isPending && variables === "denied"}
          disabled={isPending && variables !== "denied"}
          onClick={() => decide.mutate("denied")}
        >
          Deny
        </Button>
      </div>
    </div>
  );
}

function rightsOf({ scopedRoles }: Device): string {
  return scopedRoles.length === 0
    ? "All of your roles"
    : scopedRoles.map(({ displayName }) => displayName).join(", ");
}

function Decided({ decision, device }: {
  readonly decision: Decision;
  readonly device: Device | undefined;
}) {
  const name = device?.clientName ?? "The device";
  return decision === "approved"
    ? (
      <Page title="Device approved">
        <p role="status">
          {name} continues by itself. You can close this page and return to the command line.
        </p>
      </Page>
    )
    : (
      <Page title="Device denied">
        <p role="status">{name} gets no access. You can close this page.</p>
      </Page>
    );
}
