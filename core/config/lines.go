package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
	hclparser "github.com/hashicorp/hcl/hcl/parser"
	"go.yaml.in/yaml/v3"
)

// sentinel is put after an HCL file: the parser takes an unfinished last line
// for the end of the file, and this makes it an error.
const sentinel = "\nend_of_file = true\n"

// indexHCL returns the line of each key of an HCL file. Unlike the decoder it
// refuses a key that is given twice.
func indexHCL(data []byte) (map[string]int, error) {
	file, err := hclparser.Parse(slices.Concat(data, []byte(sentinel)))
	if err != nil {
		return nil, err
	}
	root, ok := file.Node.(*ast.ObjectList)
	if !ok {
		return nil, errors.New("it holds no settings")
	}
	lines := map[string]int{}
	return lines, indexList(root, "", lines)
}

// indexList goes through one level of keys. A key may repeat only with labels
// that tell the blocks apart, or inside of a plugin's own block, where blocks
// that repeat are a list.
func indexList(list *ast.ObjectList, prefix string, lines map[string]int) error {
	labelled, plainly := map[string]int{}, map[string]int{}
	assigned := map[string]bool{}
	for _, item := range list.Items {
		keys := itemKeys(item)
		first, path, line := prefix+keys[0], prefix+strings.Join(keys, "."), item.Pos().Line
		earlier := plainly[first]
		if len(keys) > 1 {
			earlier = max(earlier, labelled[path])
			labelled[first], labelled[path] = line, line
		} else {
			earlier = max(earlier, labelled[first])
			plainly[first] = line
		}
		mayRepeat := prefix != "" && !item.Assign.IsValid() && !assigned[first]
		assigned[first] = item.Assign.IsValid()
		if earlier > 0 && !mayRepeat {
			return fmt.Errorf("line %d: %s is given twice, first in line %d; keep one of them", line, path, earlier)
		}
		if lines[path] == 0 {
			lines[path] = line
		}
		if err := indexNode(item.Val, path+".", lines); err != nil {
			return err
		}
	}
	return nil
}

func indexNode(node ast.Node, prefix string, lines map[string]int) error {
	switch node := node.(type) {
	case *ast.ObjectType:
		return indexList(node.List, prefix, lines)
	case *ast.ListType:
		for _, item := range node.List {
			if err := indexNode(item, prefix, lines); err != nil {
				return err
			}
		}
	}
	return nil
}

func itemKeys(item *ast.ObjectItem) []string {
	keys := make([]string, 0, len(item.Keys))
	for _, key := range item.Keys {
		text, _ := key.Token.Value().(string)
		keys = append(keys, text)
	}
	return keys
}

// indexYAML returns the line of each key of a YAML file.
func indexYAML(data []byte) (map[string]int, error) {
	var root, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if decoder.Decode(&more) == nil {
		return nil, errors.New("it holds more than one YAML document; keep one of them")
	}
	lines := map[string]int{}
	for _, node := range root.Content {
		if node.Kind != yaml.MappingNode && node.Tag != "!!null" {
			return nil, errors.New("it must hold keys and values, such as logs_path: /opt/ate")
		}
		indexYAMLNode(node, "", lines)
	}
	return lines, nil
}

func indexYAMLNode(node *yaml.Node, prefix string, lines map[string]int) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			path := prefix + node.Content[i].Value
			if lines[path] == 0 {
				lines[path] = node.Content[i].Line
			}
			indexYAMLNode(node.Content[i+1], path+".", lines)
		}
	case yaml.SequenceNode:
		for _, item := range node.Content {
			indexYAMLNode(item, prefix, lines)
		}
	}
}
