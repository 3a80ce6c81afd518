import { useState } from "react";
import { currentTheme, setTheme, type Theme } from "../../theme/theme.ts";

const LABELS: Readonly<Record<Theme, string>> = {
  system: "As the system",
  light: "Light",
  dark: "Dark",
};

export function ThemeChoice() {
  const [theme, choose] = useState(currentTheme);
  const select = (next: Theme) => {
    setTheme(next);
    choose(next);
  };
  return (
    <fieldset className="settings-themes">
      <legend className="visually-hidden">Theme</legend>
      {Object.entries(LABELS).map(([value, label]) => (
        <label key={value}>
          <input
            type="radio"
            name="theme"
            checked={value === theme}
            onChange={() => select(value as Theme)}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}
