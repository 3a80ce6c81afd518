/** The tabs of a function, and what the palette offers for it, whichever of its tabs is open. */
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import type { Fn } from "../../api/client.ts";
import { offeredIn, useCommands } from "../../parts/shortcuts.tsx";
import { copy } from "../../shell/commands.ts";
import { useDraftState } from "./code/drafts.ts";

/** The tabs of a function's page, each with an address of its own. */
export const TABS = [
  { to: "/functions/$functionId", label: "Code" },
  { to: "/functions/$functionId/tests", label: "Tests" },
  { to: "/functions/$functionId/history", label: "History" },
  { to: "/functions/$functionId/triggers", label: "Triggers" },
  { to: "/functions/$functionId/settings", label: "Settings" },
] as const;

export const FUNCTION_GROUP = "This function";

const TRIGGERS = [
  { kind: "schedule", label: "New schedule" },
  { kind: "webhook", label: "New webhook" },
  { kind: "http", label: "New endpoint" },
] as const;

interface Actions {
  /** Absent while the function has nothing to run. */
  readonly run: (() => void) | undefined;
  /** Absent while there is nothing to publish. */
  readonly publish: (() => void) | undefined;
}

/** Registers the commands of a function. */
export function useFunctionCommands({ id, head = "", deletedAt }: Fn, actions: Actions): void {
  const navigate = useNavigate();
  const hasDraft = useDraftState(id).draft !== undefined;
  const latest = useRef(actions);
  latest.current = actions;
  const canRun = actions.run !== undefined;
  const canPublish = actions.publish !== undefined;
  useCommands(useMemo(() => {
    const params = { functionId: id };
    return offeredIn(FUNCTION_GROUP, [
      [canRun, "Run this function", () => latest.current.run?.()],
      [canPublish, "Publish the latest commit …", () => latest.current.publish?.()],
      [
        head !== "" && deletedAt === undefined,
        hasDraft ? "Save and run the tests" : "Run the tests",
        () =>
          void navigate({
            to: "/functions/$functionId/tests",
            params,
            state: { runTests: true },
          }),
      ],
      ...TRIGGERS.map(({ kind, label }) =>
        [
          deletedAt === undefined,
          label,
          () =>
            void navigate({
              to: "/functions/$functionId/triggers",
              params,
              search: { new: kind },
            }),
        ] as const
      ),
      [true, "Copy function id", () => void copy(id, "Copied the function id")],
      [
        true,
        "Show invocations of this function",
        () => void navigate({ to: "/invocations", search: { functions: [id] } }),
      ],
      ...TABS.map(({ to, label }) =>
        [true, `Go to ${label} of this function`, () => void navigate({ to, params })] as const
      ),
    ]);
  }, [id, head, deletedAt, canRun, canPublish, hasDraft, navigate]));
}

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** The palette asks the tab of tests to run them. An address cannot ask that: it would save the draft. */
    readonly runTests?: boolean;
  }
}
