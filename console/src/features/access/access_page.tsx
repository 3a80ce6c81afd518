import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Page } from "../../parts/page.tsx";
import { PAGE_PERMISSIONS, useMay } from "../../shell/rights.ts";

const TABS = [
  { to: "/access/people", label: "People" },
  { to: "/access/principals", label: "Service principals" },
  { to: "/access/roles", label: "Roles" },
] as const;

/** One of the pages about who may do what: their tabs, and its own content. */
export function AccessPage(
  { title, actions, children }: {
    readonly title: string;
    readonly actions?: ReactNode;
    readonly children: ReactNode;
  },
) {
  const may = useMay();
  return (
    <Page title={title} heading="Access" actions={actions}>
      <nav aria-label="Parts of Access" className="tab-list">
        {TABS.filter(({ to }) => PAGE_PERMISSIONS[to].some(may)).map(({ to, label }) => (
          <Link
            key={to}
            to={to}
            className="tab"
            activeOptions={{ exact: true, includeSearch: false }}
            activeProps={{ "aria-current": "page" }}
          >
            {label}
          </Link>
        ))}
      </nav>
      <div>{children}</div>
    </Page>
  );
}
