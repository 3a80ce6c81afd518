import { useSyncExternalStore } from "react";
import { currentTheme, onThemeChange, setTheme, type Theme } from "../../theme/theme.ts";

const LABELS: Readonly<Record<Theme, string>> = {
  system: "System",
  light: "Light",
  dark: "Dark",
};

export function ThemeChoice() {
  // The palette changes it, too.
  const theme = useSyncExternalStore(onThemeChange, currentTheme);
  return (
    <fieldset className="settings-themes">
      <legend className="visually-hidden">Theme</legend>
      {Object.entries(LABELS).map(([value, label]) => (
        <label key={value}>
          <input
            type="radio"
            name="theme"
            checked={value === theme}
            onChange={() => setTheme(value as Theme)}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}
