import { Tabs as Base } from "@base-ui/react/tabs";
import type { ReactNode } from "react";

/** Tabs whose state is elsewhere, as in the URL. */
export function Tabs<T extends string>({ value, onChange, tabs, children }: {
  readonly value: T;
  readonly onChange: (value: T) => void;
  readonly tabs: readonly { readonly value: T; readonly label: ReactNode }[];
  /** The panel of the chosen tab. */
  readonly children: ReactNode;
}) {
  return (
    <Base.Root
      className="tabs"
      value={value}
      onValueChange={(next) => onChange(next as T)}
    >
      <Base.List className="tab-list">
        {tabs.map((tab) => (
          <Base.Tab key={tab.value} value={tab.value} className="tab">
            {tab.label}
          </Base.Tab>
        ))}
      </Base.List>
      <Base.Panel value={value} className="tab-panel">{children}</Base.Panel>
    </Base.Root>
  );
}
