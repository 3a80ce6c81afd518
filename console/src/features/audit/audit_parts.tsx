import type { ReactNode } from "react";
import { Page } from "../../parts/page.tsx";
import { PageTabs } from "../../shell/page_tabs.tsx";

const TABS = [
  { to: "/audit", label: "Events" },
  { to: "/audit/exports", label: "Exports" },
] as const;

/** One of the pages about the audit log: their tabs, and its own content. */
export function AuditParts({ title, actions, children }: {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <Page title={title} heading="Audit" actions={actions}>
      <PageTabs label="Parts of Audit" tabs={TABS} />
      {children}
    </Page>
  );
}
