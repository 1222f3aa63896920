using System.Text;

namespace ModelCompiler.Runtime.Tests.Tokenizers.Json;

/// <summary>Makes a table of replacements as SentencePiece stores it: a double-array trie over UTF-8 and the replacements.</summary>
internal static class CharacterMap
{
    public static string Build(IReadOnlyDictionary<string, string> replacements)
    {
        var (texts, places) = (new List<byte>(), new Dictionary<string, uint>());
        foreach (var (from, to) in replacements)
        {
            places[from] = (uint)texts.Count;
            texts.AddRange([.. Encoding.UTF8.GetBytes(to), 0]);
        }

        var units = new uint[4096];
        var taken = new bool[units.Length];
        taken[0] = true;
        Place(0, [.. places.Select(entry => (Encoding.UTF8.GetBytes(entry.Key), entry.Value))], 0);
        byte[] trie = [.. units.SelectMany(BitConverter.GetBytes)];
        return Convert.ToBase64String([.. BitConverter.GetBytes(trie.Length), .. trie, .. texts]);

        // The children of a node lie at offset ^ byte; a value lies at the offset itself.
        void Place(int node, (byte[] Key, uint Value)[] keys, int depth)
        {
            var children = keys.Where(key => key.Key.Length > depth).GroupBy(key => key.Key[depth]).ToArray();
            var leaf = keys.Where(key => key.Key.Length == depth).Select(key => key.Value).ToArray();
            var offset = Enumerable.Range(1, units.Length - 256)
                .First(candidate => !taken[candidate] && ((node ^ candidate) < 1 << 21) && children.All(child => !taken[candidate ^ child.Key] && (candidate ^ child.Key) != candidate));
            units[node] |= (uint)((node ^ offset) << 10) | (leaf.Length > 0 ? 0x100u : 0);
            taken[offset] = true;
            if (leaf.Length > 0)
                units[offset] = leaf[0] | 0x80000000;
            foreach (var child in children)
            {
                units[offset ^ child.Key] = child.Key;
                taken[offset ^ child.Key] = true;
            }

            foreach (var child in children)
                Place(offset ^ child.Key, [.. child], depth + 1);
        }
    }
}
