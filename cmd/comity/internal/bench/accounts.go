package bench

import (
	"bufio"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
)

// Account is one that exists at the server.
type Account struct {
	JID      jid.JID
	Password string
}

// Accounts are those that a run may use.
type Accounts struct {
	list     []Account
	pattern  string
	password string
	domain   string
}

// ListAccounts returns the accounts of a list.
func ListAccounts(list []Account) Accounts { return Accounts{list: list} }

// PatternAccounts returns accounts whose names are made of their number, from 0, by a pattern such as "u%05d".
func PatternAccounts(user, password, domain string) (Accounts, error) {
	a := Accounts{pattern: user, password: password, domain: domain}
	if strings.Count(user, "%") != 1 || strings.Contains(fmt.Sprintf(user, 1), "%!") || fmt.Sprintf(user, 1) == fmt.Sprintf(user, 2) {
		return a, advise(`Write one number into it, such as "u%05d".`, "%q is no pattern for names of accounts", user)
	}
	_, err := a.at(MaxN)
	return a, err
}

// at returns account number i.
func (a *Accounts) at(i int) (Account, error) {
	if a.pattern == "" {
		if i >= len(a.list) {
			return Account{}, advise("Make more, with: comity bench accounts", "the scenario needs more than the %d accounts of the file", len(a.list))
		}
		return a.list[i], nil
	}
	j, err := jid.New(fmt.Sprintf(a.pattern, i), a.domain, "")
	if err != nil {
		return Account{}, advise(`Choose another pattern, such as "u%05d".`, "account %d: %w", i, err)
	}
	return Account{j, a.password}, nil
}

// first returns the first n accounts, all different.
func (a *Accounts) first(n int) ([]Account, error) {
	all := make([]Account, n)
	for i := range all {
		var err error
		if all[i], err = a.at(i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// WriteLines writes the first n accounts as lines "JID PASSWORD", which "comity account add --from" and "comity bench --accounts"
// read.
func (a Accounts) WriteLines(w io.Writer, n int) error {
	all, err := a.first(n)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for _, one := range all {
		fmt.Fprintf(out, "%s %s\n", one.JID, one.Password)
	}
	return out.Flush()
}

// WriteXML writes the first n accounts as a portable file (XEP-0227#users), which "ejabberdctl import_piefxis" reads.
func (a Accounts) WriteXML(w io.Writer, n int) error {
	all, err := a.first(n)
	if err != nil {
		return err
	}
	type user struct {
		Name     string `xml:"name,attr"`
		Password string `xml:"password,attr"`
	}
	type host struct {
		JID   string `xml:"jid,attr"`
		Users []user `xml:"user"`
	}
	var data struct {
		XMLName xml.Name `xml:"urn:xmpp:pie:0 server-data"`
		Hosts   []*host  `xml:"host"`
	}
	hosts := map[string]*host{}
	for _, one := range all {
		h := hosts[one.JID.Domain()]
		if h == nil {
			h = &host{JID: one.JID.Domain()}
			hosts[h.JID] = h
			data.Hosts = append(data.Hosts, h)
		}
		h.Users = append(h.Users, user{one.JID.Local(), one.Password})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	if err := out.Encode(data); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}

// prosodyIterations is the default of Prosody 0.12 for accounts of its own.
const prosodyIterations = 10_000

// WriteProsody writes the first n accounts into the folder of Prosody's internal storage, as mod_auth_internal_hashed keeps them: a
// process for each, as prosodyctl needs, takes an hour for 10,000. All have the same salt and keys if they have the same password.
func (a Accounts) WriteProsody(folder string, n int) error {
	all, err := a.first(n)
	if err != nil {
		return err
	}
	salt := sasl.NewSalt()
	files := map[string]string{} // by password
	for _, one := range all {
		text, ok := files[one.Password]
		if !ok {
			// The salt is text there, and used as it stands.
			k, err := sasl.DeriveKeys(sasl.SHA1, one.Password, []byte(hex.EncodeToString(salt)), prosodyIterations)
			if err != nil {
				return err
			}
			text = fmt.Sprintf("return {\n\t[\"iteration_count\"] = %d;\n\t[\"salt\"] = %q;\n\t[\"stored_key\"] = %q;\n\t[\"server_key\"] = %q;\n};\n",
				k.Iterations, k.Salt, hex.EncodeToString(k.StoredKey), hex.EncodeToString(k.ServerKey))
			files[one.Password] = text
		}
		dir := filepath.Join(folder, prosodyName(one.JID.Domain()), "accounts")
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, prosodyName(one.JID.Local())+".dat"), []byte(text), 0o640); err != nil {
			return err
		}
	}
	return nil
}

// prosodyName is how Prosody names a file: all but letters and digits as %xx.
func prosodyName(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}
