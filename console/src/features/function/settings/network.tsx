import { faultOf } from "../../../parts/faults.ts";
import { TextAreaField } from "../../../parts/field.tsx";
import { linesOf } from "../lines.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

export interface NetworkDraft {
  /** One host a line. */
  readonly outboundNetworkAllowlist: string;
}

export const NETWORK: SettingsSection<NetworkDraft> = {
  id: "hosts",
  title: "Allowed hosts",
  fields: { outboundNetworkAllowlist: "Hosts" },
  read: ({ outboundNetworkAllowlist = [] }) => ({
    outboundNetworkAllowlist: outboundNetworkAllowlist.join("\n"),
  }),
  write: (draft) => ({ outboundNetworkAllowlist: linesOf(draft.outboundNetworkAllowlist) }),
};

/** The hosts that the function may reach. */
export function Network({ form }: { readonly form: SectionForm<NetworkDraft> }) {
  const { draft, edit, error } = form;
  return (
    <SettingsSectionForm
      section={NETWORK}
      about="The function can reach only these hosts."
      form={form}
    >
      <TextAreaField
        label="Hosts"
        hint="One per line: host, host:port or *.example.com. Without a port: 443 and 80"
        rows={4}
        placeholder="api.example.com"
        value={draft.outboundNetworkAllowlist}
        error={faultOf(error, "outboundNetworkAllowlist")}
        onChange={(outboundNetworkAllowlist) => edit({ outboundNetworkAllowlist })}
      />
    </SettingsSectionForm>
  );
}
