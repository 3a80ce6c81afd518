import { Button, CopyButton } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";

/** A credential that was just created, with what the server does not show again. */
export interface MadeSecret {
  readonly isApiKey: boolean;
  readonly clientId: string;
  readonly secret: string;
}

/** Shows a secret once: it is in the memory of this dialog alone, and goes with it. A click beside the dialog keeps it. */
export function SecretDialog(
  { isApiKey, clientId, secret, onClose }: MadeSecret & { readonly onClose: () => void },
) {
  const noun = isApiKey ? "API key" : "secret";
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Copy the ${noun}`}
      description={`The server does not keep the ${noun}, and cannot show it again.`}
      unsaved={false}
    >
      <div className="stack">
        {isApiKey ? null : <Copied label="Client id" value={clientId} />}
        <Copied label={isApiKey ? "API key" : "Client secret"} value={secret} />
        <p className="muted">
          {isApiKey
            ? (
              <>
                Callers send it as <code>Authorization: Bearer …</code>
              </>
            )
            : (
              <>
                Programs read them from <code>INVOKED_CLIENT_ID</code> and{" "}
                <code>INVOKED_CLIENT_SECRET</code>.
              </>
            )}
        </p>
        <div className="actions">
          <Button look="primary" onClick={onClose}>Done</Button>
        </div>
      </div>
    </Dialog>
  );
}

function Copied({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <div className="field">
      <span className="field-label">{label}</span>
      <span className="secret">
        <code aria-label={label}>{value}</code>
        <CopyButton text={value} label={`Copy the ${label}`} />
      </span>
    </div>
  );
}
