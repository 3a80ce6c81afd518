/** The browsers that are signed in as somebody. */
import { type QueryKey, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Schemas } from "../api/client.ts";
import { pagedQuery } from "../api/queries.ts";
import { Badge } from "../parts/badge.tsx";
import { browserOf } from "../parts/browsers.ts";
import { Button } from "../parts/button.tsx";
import { ConfirmDialog } from "../parts/dialog.tsx";
import { visibleText } from "../parts/format.ts";
import { PagedTable } from "../parts/list.tsx";
import { Empty } from "../parts/states.tsx";
import type { Column } from "../parts/table.tsx";
import { toast } from "../parts/toasts.tsx";
import { Name, Time } from "../parts/values.tsx";

/** A browser that is signed in. */
type Session = Schemas["invoked.Session"];

interface SessionsProps {
  readonly queryKey: QueryKey;
  /** The session of this browser, if it is one of them. */
  readonly currentId: string | undefined;
  readonly read: (
    token: string,
    signal: AbortSignal,
  ) => Promise<{ readonly list: readonly Session[]; readonly nextPageToken: string }>;
  /** Undefined for who may not end them. */
  readonly onRevoke: ((id: string) => Promise<unknown>) | undefined;
}

export function Sessions({ queryKey, currentId, read, onRevoke }: SessionsProps) {
  const [revoked, setRevoked] = useState<Session>();
  const queries = useQueryClient();
  const query = useInfiniteQuery(
    pagedQuery<Session>(queryKey, ({ page_token }, signal) => read(page_token, signal)),
  );
  const mayRevoke = onRevoke !== undefined;
  const columns = useMemo(
    () => [...COLUMNS, ...mayRevoke ? [actionColumn(currentId, setRevoked)] : []],
    [currentId, mayRevoke],
  );
  const revoke = async () => {
    if (revoked === undefined) return;
    await onRevoke?.(revoked.id);
    await queries.invalidateQueries({ queryKey });
    toast("Signed the browser out");
  };
  return (
    <>
      <PagedTable
        query={query}
        label="Sessions"
        columns={columns}
        rowId={({ id }) => id}
        empty={<Empty title="No sessions" />}
      />
      <ConfirmDialog
        open={revoked !== undefined}
        onClose={() => setRevoked(undefined)}
        title="Sign this browser out?"
        action="Sign out"
        onConfirm={revoke}
      >
        <p>
          The browser at {revoked?.address} must sign in again before it can use the console.
        </p>
      </ConfirmDialog>
    </>
  );
}

const METHODS: Readonly<Record<Session["method"], string>> = {
  SIGN_IN_METHOD_CLIENT_LINK: "Link",
  SIGN_IN_METHOD_PROVIDER: "Company account",
  SIGN_IN_METHOD_OWNER_LINK: "Owner link",
};

const COLUMNS: readonly Column<Session>[] = [
  {
    id: "browser",
    header: "Browser",
    // The whole User-Agent on hover.
    cell: ({ userAgent }) => (
      <bdi className="name" title={visibleText(userAgent)}>{browserOf(userAgent)}</bdi>
    ),
  },
  {
    id: "address",
    header: "Address",
    width: "150px",
    minor: true,
    cell: ({ address }) => <Name value={address} />,
  },
  {
    id: "method",
    header: "Signed in with",
    width: "130px",
    minor: true,
    cell: ({ method }) => METHODS[method],
  },
  {
    id: "since",
    header: "Signed in",
    width: "110px",
    minor: true,
    cell: ({ createdAt }) => <Time value={createdAt} />,
  },
  {
    id: "ends",
    header: "Ends",
    width: "110px",
    minor: true,
    cell: ({ expiresAt }) => <Time value={expiresAt} />,
  },
];

function actionColumn(
  currentId: string | undefined,
  onRevoke: (session: Session) => void,
): Column<Session> {
  return {
    id: "action",
    header: "Action",
    width: "110px",
    align: "end",
    cell: (session) =>
      session.id === currentId
        ? <Badge tone="accent">This browser</Badge>
        : <Button onClick={() => onRevoke(session)}>Sign out</Button>,
  };
}
