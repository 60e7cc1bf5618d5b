package transcript

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Function makes a value of words, for "let".
type Function func(words []string) (string, error)

var errWords = errors.New("the function needs other words")

// builtin are the functions that every file has.
var builtin = map[string]Function{
	"now":    func([]string) (string, error) { return strconv.FormatInt(time.Now().Unix(), 10), nil },
	"random": func([]string) (string, error) { return rand.Text(), nil },
	"base64": func(w []string) (string, error) {
		return base64.StdEncoding.EncodeToString([]byte(strings.Join(w, " "))), nil
	},
	// upper is the same text in capitals, as another form of an address.
	"upper": func(w []string) (string, error) { return strings.ToUpper(strings.Join(w, " ")), nil },
	// plain is the initial response of PLAIN: a user and a password. RFC 4616
	"plain": func(w []string) (string, error) {
		if len(w) != 2 {
			return "", errWords
		}
		return base64.StdEncoding.EncodeToString([]byte("\x00" + w[0] + "\x00" + w[1])), nil
	},
	// repeat is a text so many times.
	"repeat": func(w []string) (string, error) {
		if len(w) != 2 {
			return "", errWords
		}
		n, err := strconv.Atoi(w[0])
		if err != nil || n < 0 || n*len(w[1]) > maxFile {
			return "", errWords
		}
		return strings.Repeat(w[1], n), nil
	},
}
