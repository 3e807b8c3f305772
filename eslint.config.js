import js from "@eslint/js";
import globals from "globals";

const rules = {
  ...js.configs.recommended.rules,
  eqeqeq: "error",
  "no-var": "error",
  "prefer-const": "error",
  "no-shadow": "error",
  "no-implicit-coercion": "error",
  "no-unused-vars": ["error", { args: "all", argsIgnorePattern: "^_", ignoreRestSiblings: true }],
  "max-lines": ["error", 400],
  "max-lines-per-function": ["error", { max: 60 }],
  "max-len": ["error", { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }],
};

export default [
  { files: ["veason/studio/web/**/*.js", "veason/lab/web/**/*.js"], languageOptions: { globals: globals.browser }, rules },
  { files: ["tests/web/**/*.js"], languageOptions: { globals: globals.node }, rules },
];
