import type { ReactNode } from "react";
import { Page } from "../../parts/page.tsx";
import { PageTabs } from "../../shell/page_tabs.tsx";

const TABS = [
  { to: "/access/people", label: "People" },
  { to: "/access/principals", label: "Service principals" },
  { to: "/access/roles", label: "Roles" },
  { to: "/access/federation", label: "Federation" },
  { to: "/access/tenants", label: "C1 tenants" },
] as const;

/** One of the pages about who may do what: their tabs, and its own content. */
export function AccessPage({ title, actions, children }: {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <Page title={title} heading="Access" actions={actions}>
      <PageTabs label="Parts of Access" tabs={TABS} />
      <div>{children}</div>
    </Page>
  );
}
