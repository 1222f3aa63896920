using System.Reflection;

namespace ModelCompiler.ModelDsl;

/// <summary>Which keys of a record have an effect (<see cref="OnlyWithAttribute"/>).</summary>
public static class KeyEffects
{
    /// <summary>The record with the defaults in the place of keys that have no effect beside the others.</summary>
    public static T WithoutIdleKeys<T>(T record)
        where T : new()
    {
        var keys = typeof(T).GetProperties().Where(property => property.IsDefined(typeof(KeyAttribute))).ToDictionary(property => property.GetCustomAttribute<KeyAttribute>().Name);
        var result = new T();
        foreach (var property in keys.Values)
        {
            if (property.GetCustomAttribute<OnlyWithAttribute>() is { } condition && !condition.Holds(key => keys[key].GetValue(record))) continue;
            property.SetValue(result, property.GetValue(record));
        }

        return result;
    }
}
