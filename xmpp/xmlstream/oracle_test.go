package xmlstream

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// oracle parses with encoding/xml. Its Element is made of what that reports and of nothing else.
func oracle(doc string) (*Element, error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	root := &Element{}
	stack := []*Element{root}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root.First(), nil
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &Element{name: normalisedName(tok.Name)}
			for _, a := range tok.Attr {
				if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
					e.attrs = append(e.attrs, Attr{normalisedName(a.Name), normalised(a.Value)})
				}
			}
			top.add(e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.nodes = append(top.nodes, node{text: string(tok)})
		}
	}
}

// normalised turns white space in a value into spaces. encoding/xml does not do it where XML 1.0 §3.3.3 asks for it, so
// comparisons do it to both sides.
func normalised(value string) string {
	return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(value)
}

func normalisedName(n xml.Name) Name { return Name{normalised(n.Space), n.Local} }

// blurred returns e with all values and namespaces normalised.
func blurred(e *Element) *Element {
	if e == nil {
		return nil
	}
	c := &Element{name: normalisedName(xml.Name(e.name))}
	for _, a := range e.attrs {
		c.attrs = append(c.attrs, Attr{normalisedName(xml.Name(a.Name)), normalised(a.Value)})
	}
	for _, n := range e.nodes {
		c.nodes = append(c.nodes, node{blurred(n.elem), n.text})
	}
	return c
}

// The oracle accepts what it should not, which is why it is no part of the code.
func TestOracleAcceptsTooMuch(t *testing.T) {
	for _, doc := range []string{
		`<!DOCTYPE a [<!ENTITY b "c">]><a/>`,
		`<a><?php echo 1 ?></a>`,
		`<a><!-- comment --></a>`,
		`<a b='1' b='2'/>`,
		`<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>`,
		`<p:a/>`,
		`<a p:b='1'/>`,
		`<a xmlns:p=''/>`,
		`<a b='1'c='2'/>`,
		`<a xmlns:xmlns='urn:x'/>`,
		`<a xmlns='http://www.w3.org/2000/xmlns/'/>`,
		`<a/><b/>`,
		`<a/>text`,
	} {
		if _, err := oracle(doc); err != nil {
			t.Errorf("%s: the oracle now refuses it: %v", doc, err)
		}
		if e, err := Parse([]byte(doc), Limits{}); err == nil {
			t.Errorf("%s: accepted as %v", doc, e)
		}
	}
}

// oracleBlind holds the details of refusals for which the oracle may accept.
var oracleBlind = map[string]bool{
	"reference to a character that XML does not have":   true, // &#xD800;
	"attribute given twice":                             true,
	"comment":                                           true,
	"comment or processing instruction":                 true,
	"processing instruction":                            true,
	"document type declaration":                         true,
	"undeclared prefix":                                 true,
	"prefix undeclared":                                 true,
	"declaration of the prefix xmlns":                   true,
	"reserved namespace as default":                     true,
	"prefix for the namespace of declarations":          true,
	"the prefix xml and its namespace go only together": true,
	"no white space before an attribute":                true,
	"more than one root element":                        true,
	"text before the first element":                     true,
	"document ends early":                               true, // with no element at all
	"no name behind <":                                  true, // :a
	"no attribute where one could be":                   true, // :a
	"not a name":                                        true, // a: and :a
	"malformed XML declaration":                         true,
	"XML declaration too long":                          true,
	"unknown markup":                                    true, // any <!…>
	"too deep":                                          true,
	"too many attributes":                               true,
	"too many elements":                                 true,
	"too many bytes":                                    true,
	"too many prefixes in scope":                        true,
	"too many bytes with all prefixes written out":      true,
}

// checkAgainstOracle compares one document. It is the property of the fuzz targets too.
func checkAgainstOracle(t interface {
	Helper()
	Fatalf(string, ...any)
}, doc string,
) {
	t.Helper()
	want, oracleErr := oracle(doc)
	got, err := Parse([]byte(doc), Limits{})
	var refused *SyntaxError
	switch {
	case err == nil && oracleErr != nil:
		if strings.Contains(oracleErr.Error(), "invalid XML name") {
			return // it knows the names of the 4th edition only
		}
		t.Fatalf("%q: accepted, but the oracle says %v", doc, oracleErr)
	case err == nil && !blurred(got).Equal(want):
		t.Fatalf("%q: read as\n%v, but the oracle reads\n%v", doc, got, want)
	case err != nil && oracleErr == nil && (!errors.As(err, &refused) || !oracleBlind[refused.Detail]):
		t.Fatalf("%q: refused, but the oracle accepts it: %v", doc, err)
	}
}

func TestAgainstOracle(t *testing.T) {
	for _, doc := range append(wellFormed(), malformed()...) {
		checkAgainstOracle(t, doc)
	}
}
