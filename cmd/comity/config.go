package main

import "strings"

// configCmd prints the settings in force.
type configCmd struct {
	settingsFlags `embed:""`
}

// Help is shown by --help.
func (configCmd) Help() string {
	return `What is printed is a settings file with an explanation of everything: "comity config > comity.toml" writes one. Later sources go over earlier ones: defaults, the file, environment variables such as COMITY_C2S_LISTEN, flags.`
}

// Run prints an annotated file, or one JSON object for each setting.
func (c *configCmd) Run(e *env) error {
	s, err := c.load(e)
	if err != nil {
		return err
	}
	if _, err := s.domains(); err != nil {
		return err
	}
	if !e.json {
		var text strings.Builder
		if err := s.set.Print(&text); err != nil {
			return err
		}
		return e.tell(nil, "%s", strings.TrimSuffix(text.String(), "\n"))
	}
	for _, t := range s.set.All() {
		if err := e.tell(t, ""); err != nil {
			return err
		}
	}
	return nil
}
